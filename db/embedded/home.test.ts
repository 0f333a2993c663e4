import { spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findBinaries, linkMissingLibraries, serverEnvironment } from './binaries.ts';
import { preparePostgresHome } from './home.ts';

let scratch: string;
const isRoot = process.getuid?.() === 0;

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'tessera-home-'));
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

/** The package as npm unpacks it when its install script may not run: no symbolic links. */
async function unhydratedPackage(): Promise<string> {
  const { native } = findBinaries();
  const copy = join(scratch, 'package', 'native');
  await mkdir(join(copy, 'bin'), { recursive: true });
  await mkdir(join(copy, 'lib'));
  await copyFile(join(native, 'pg-symlinks.json'), join(copy, 'pg-symlinks.json'));
  await copyFile(join(native, 'bin', 'initdb'), join(copy, 'bin', 'initdb'));
  for (const file of await readdir(join(native, 'lib'), { withFileTypes: true })) {
    if (file.isFile()) await symlink(join(native, 'lib', file.name), join(copy, 'lib', file.name));
  }
  return copy;
}

test.runIf(process.platform === 'linux')(
  'initdb starts although the install script that links its libraries never ran',
  async () => {
    const native = await unhydratedPackage();
    const run = (libraries: string | null) =>
      spawnSync(join(native, 'bin', 'initdb'), ['--version'], {
        env: serverEnvironment(libraries),
      });
    expect(run(null).status).not.toBe(0);
    const libraries = await linkMissingLibraries(native, join(scratch, 'libraries'));
    expect(run(libraries).stdout.toString()).toMatch(/^initdb \(PostgreSQL\) \d+/);
    // A second start finds the links in place.
    expect(await linkMissingLibraries(native, join(scratch, 'libraries'))).toBe(libraries);
  },
);

test('an ordinary folder is used as it is', async () => {
  await chmod(scratch, 0o755);
  const home = await preparePostgresHome(
    join(scratch, 'postgres'),
    findBinaries(),
    () => undefined,
  );
  expect(home.data).toBe(join(scratch, 'postgres', 'data'));
  expect(home.identity === null).toBe(!isRoot);
});

test.runIf(isRoot)(
  'below a private home, root keeps data and binaries in an open place',
  async () => {
    const sentences: string[] = [];
    const home = join(scratch, 'private');
    await chmod(scratch, 0o755);
    await mkdir(join(home, 'native', 'bin'), { recursive: true });
    await chmod(home, 0o700);
    const prepare = () =>
      preparePostgresHome(
        join(home, 'postgres'),
        { native: join(home, 'native'), version: '18.0.0', major: 18 },
        (sentence) => sentences.push(sentence),
        join(scratch, 'open'),
      );
    const first = await prepare();
    expect(first.data).toContain(join(scratch, 'open'));
    expect(first.native).toBe(join(scratch, 'open', 'postgresql-18.0.0', 'native'));
    expect(sentences.join(' ')).toContain('cannot enter');
    // Found again, silently; and the private home stayed private.
    expect(await prepare()).toEqual(first);
    expect(sentences).toHaveLength(2);
    expect((await stat(home)).mode & 0o777).toBe(0o700);
  },
);
