// Where the server's files lie and who runs it. PostgreSQL refuses to run as root, so root lends it the
// identity of `nobody`; that user must be able to enter the data folder and to read the binaries, which a
// checkout below a private home (/root is 0700) does not allow. No permission outside our own folders
// and no user of the host is ever changed.
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  chmod,
  chown,
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Binaries, linkMissingLibraries, serverEnvironment } from './binaries.ts';

export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

export interface PostgresHome {
  /** Ours: password and log. */
  readonly folder: string;
  /** The server's: parent of `data`. The same folder wherever the server's user can enter it. */
  readonly base: string;
  readonly data: string;
  readonly native: string;
  readonly major: number;
  readonly environment: NodeJS.ProcessEnv;
  /** Who the server runs as; null means as ourselves. */
  readonly identity: Identity | null;
}

// The place for state of system services. Used by root only, and only where the wanted folder is closed.
const OPEN_ROOT = '/var/lib/tessera';

export async function preparePostgresHome(
  folder: string,
  binaries: Binaries,
  log: (sentence: string) => void,
  openRoot: string = OPEN_ROOT,
): Promise<PostgresHome> {
  await mkdir(folder, { recursive: true, mode: 0o711 });
  const identity = process.getuid?.() === 0 ? nobody() : null;
  if (identity !== null) await chmod(folder, 0o711);
  const place = { openRoot, log };
  const base = identity === null ? folder : await reachableBase(folder, identity, place);
  const native =
    identity === null ? binaries.native : await reachableBinaries(binaries, identity, place);
  const libraries = await linkMissingLibraries(native, join(base, 'libraries'));
  return {
    folder,
    base,
    data: join(base, 'data'),
    native,
    major: binaries.major,
    environment: serverEnvironment(libraries),
    identity,
  };
}

/** Gives a file or folder of ours to the server's user. */
export async function handOver(path: string, identity: Identity | null): Promise<void> {
  if (identity !== null) await chown(path, identity.uid, identity.gid);
}

function nobody(): Identity {
  try {
    const ask = (flag: string) =>
      Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
    return { uid: ask('-u'), gid: ask('-g') };
  } catch (cause) {
    throw new Error(
      'PostgreSQL does not run as root, and this machine has no user `nobody` to lend it. Start Tessera ' +
        'as an ordinary user, or set DATABASE_URL to a PostgreSQL server of your own.',
      { cause },
    );
  }
}

interface OpenPlace {
  readonly openRoot: string;
  readonly log: (sentence: string) => void;
}

async function reachableBase(
  folder: string,
  identity: Identity,
  { openRoot, log }: OpenPlace,
): Promise<string> {
  // Once chosen, the place is kept: the data must be found again even if permissions change later.
  const note = join(folder, 'location');
  if (existsSync(note)) return (await readFile(note, 'utf8')).trim();
  if (canRead(folder, identity)) return folder;
  // A fresh name each time: when somebody deleted our folder, the old data must not come back.
  const base = join(openRoot, `${basename(dirname(folder))}-${randomBytes(4).toString('hex')}`);
  try {
    await mkdir(base, { recursive: true });
    // Set by hand, because the umask may have closed what mkdir made.
    await chmod(openRoot, 0o711);
    await chmod(base, 0o711);
    if (!canRead(base, identity)) throw new Error(`${base} is closed as well.`);
  } catch (cause) {
    throw new Error(
      `PostgreSQL does not run as root but as \`nobody\`, who cannot enter ${folder}, and ${base} could ` +
        'not be used instead. Set TESSERA_HOME to a folder below directories that everybody may enter, ' +
        'or start Tessera as an ordinary user.',
      { cause },
    );
  }
  await writeFile(note, `${base}\n`, { flush: true });
  log(
    `PostgreSQL runs as \`nobody\`, who cannot enter ${folder}; its data is kept in ${base} instead.`,
  );
  return base;
}

async function reachableBinaries(
  binaries: Binaries,
  identity: Identity,
  { openRoot, log }: OpenPlace,
): Promise<string> {
  if (canRead(join(binaries.native, 'bin'), identity)) return binaries.native;
  const copy = join(openRoot, `postgresql-${binaries.version}`);
  if (!existsSync(copy)) {
    log(`Copying PostgreSQL to ${copy}, because \`nobody\` cannot read ${binaries.native}.`);
    // Renamed when whole, so that an interrupted copy is never started.
    const partial = `${copy}.${process.pid}`;
    await mkdir(partial, { recursive: true });
    await cp(binaries.native, join(partial, 'native'), { recursive: true, verbatimSymlinks: true });
    await chmod(openRoot, 0o711);
    await openToAll(partial);
    await rename(partial, copy).catch(async (error: unknown) => {
      await rm(partial, { recursive: true, force: true });
      if (!existsSync(copy)) throw error;
    });
  }
  return join(copy, 'native');
}

/** Readable, and executable where the owner may execute. For files we copied ourselves. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    const { mode } = await stat(path);
    await chmod(path, (mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}

// Asked by trying, not by reading mode bits: access lists and security modules have a say too.
function canRead(folder: string, identity: Identity): boolean {
  const script = 'cd "$0" && ls . >/dev/null';
  // A folder of ours is 0711, so entering it is enough; `bin` must also be listable to be executable.
  const enter = basename(folder) === 'bin' ? script : 'cd "$0"';
  return (
    spawnSync('/bin/sh', ['-c', enter, folder], { ...identity, cwd: '/', stdio: 'ignore' })
      .status === 0
  );
}
