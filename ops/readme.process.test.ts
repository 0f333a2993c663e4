// What the README tells a newcomer to type is typed here, word for word, against a fresh instance.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { REPOSITORY } from './cli/home.ts';
import {
  cleanEnvironment,
  endTessera,
  freePort,
  removeFolder,
  startTessera,
  type Tessera,
  temporaryFolder,
} from './testing.ts';

const hasCurl = spawnSync('curl', ['--version']).error === undefined;
const readme = readFileSync(join(REPOSITORY, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/```bash\n([\s\S]*?)```/g)].map(([, block = '']) => block);

let home: string;
let port: number;
let up: Tessera;

beforeAll(async () => {
  home = temporaryFolder('readme');
  port = await freePort();
  up = startTessera(['up'], environment());
  await up.says(/Tessera is ready/);
});
afterAll(async () => {
  await endTessera(up);
  removeFolder(home);
});

const environment = () => cleanEnvironment({ TESSERA_HOME: home, PORT: String(port) });

it('the commands with curl make a picture', async ({ skip }) => {
  skip(!hasCurl, 'needs curl (apt-get install curl)');
  const picture = join(home, 'picture.png');
  const script = blocks
    .find((block) => block.includes('curl'))
    ?.replaceAll('localhost:8000', `localhost:${port}`)
    .replaceAll('picture.png', picture);
  expect(script).toContain(picture);
  const shell = spawn('bash', ['-euo', 'pipefail', '-c', script ?? 'false'], {
    cwd: REPOSITORY,
    env: environment(),
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let said = '';
  shell.stderr.on('data', (chunk) => (said += String(chunk)));
  const code = await new Promise((resolve) => shell.once('close', resolve));
  expect(code, said).toBe(0);
  expect(readFileSync(picture).subarray(1, 4).toString()).toBe('PNG');
});
