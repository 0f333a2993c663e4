// The website is the one thing that is built before it runs. `up` builds it when its sources changed
// since the last build; what "changed" means is their content, so copies and checkouts are no change.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { InstanceRunning, takeInstanceLock } from './instance.ts';

/** What the site is made of. Folders are read whole, tests and notes left out. */
const SOURCES = [
  'web/src',
  'web/static',
  'web/vite.config.ts',
  'web/tsconfig.json',
  'adapters/client',
  'machines',
  'package-lock.json',
];
const NO_PART = /\.(test\.ts|md)$/;
const LOOK_AGAIN_MS = 500;

export interface SiteOptions {
  readonly root: string;
  readonly say: (sentence: string) => void;
  readonly signal: AbortSignal;
}

/** Resolves when web/build is there and current. */
export async function ensureSite({ root, say, signal }: SiteOptions): Promise<void> {
  const stamp = join(root, 'web', 'build', 'sources.sha256');
  const isCurrent = (): boolean =>
    existsSync(stamp) && readFileSync(stamp, 'utf8') === sourcesHash(root);
  if (isCurrent()) return;
  const lock = await buildLock(root, signal);
  try {
    // Somebody else may have built it while this start waited.
    if (isCurrent()) return;
    say('Building the website (the first time takes a moment).');
    const hash = sourcesHash(root);
    const startedAt = performance.now();
    await build(root, signal);
    writeFileSync(stamp, hash);
    say(`The website is built (${Math.round((performance.now() - startedAt) / 1000)} s).`);
  } finally {
    lock.release();
  }
}

export function sourcesHash(root: string): string {
  const hash = createHash('sha256');
  const add = (path: string): void => {
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0');
  };
  for (const source of SOURCES.filter((path) => existsSync(join(root, path)))) {
    if (/\.\w+$/.test(source)) add(source);
    else filesOf(root, source).forEach(add);
  }
  return hash.digest('hex');
}

function filesOf(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !NO_PART.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

/** One build at a time per checkout: two would write into the same folder. */
async function buildLock(root: string, signal: AbortSignal): Promise<{ release(): void }> {
  const path = join(root, 'web', '.svelte-kit', 'build-lock.json');
  mkdirSync(join(root, 'web', '.svelte-kit'), { recursive: true });
  for (;;) {
    try {
      return takeInstanceLock(path, 'website build');
    } catch (error) {
      if (!(error instanceof InstanceRunning)) throw error;
      await delay(LOOK_AGAIN_MS, undefined, { signal });
    }
  }
}

async function build(root: string, signal: AbortSignal): Promise<void> {
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const args = [vite, 'build', 'web', '--logLevel', 'warn'];
  const child = spawn(process.execPath, args, {
    cwd: root,
    // Whatever the person's shell says about modes: what is served is a production build.
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  });
  const said: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => said.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code === 0) return;
  const words = Buffer.concat(said).toString('utf8').trimEnd();
  throw new Error(`The website could not be built:\n${words}`);
}
