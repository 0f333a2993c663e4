// The bin as people start it: by another Node.js, from anywhere, through links, through npx.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { cleanEnvironment } from '../testing.ts';
import { isRunning } from '../up/instance.ts';
import { REPOSITORY } from './home.ts';

const launcher = join(REPOSITORY, 'ops', 'cli', 'tessera.js');
let folder: string;
/** The same Node.js under another name: to the launcher it is not the pinned one. */
let otherNode: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-launcher-'));
  otherNode = join(folder, 'other-node');
  try {
    linkSync(process.execPath, otherNode);
  } catch {
    // Another file system.
    copyFileSync(process.execPath, otherNode);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (
  command: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
) => spawnSync(command, args, { encoding: 'utf8', cwd: folder, timeout: 60_000, ...options });

describe('the launcher', () => {
  it('answers with its version on the pinned Node.js, from any folder', () => {
    const { stdout, status } = run(otherNode, [launcher, '--version']);
    expect([stdout.trim(), status]).toEqual([packageJson.version, 0]);
  });

  it('works through a symbolic link', () => {
    const link = join(folder, 'tessera');
    symlinkSync(launcher, link);
    expect(run(otherNode, [link, '--version']).stdout.trim()).toBe(packageJson.version);
  });

  it('passes exit codes on', () => {
    expect(run(otherNode, [launcher, 'no-such-command']).status).toBe(2);
  });

  it('says what to do where nothing is installed', () => {
    const bare = join(folder, 'bare', 'ops', 'cli');
    mkdirSync(bare, { recursive: true });
    copyFileSync(launcher, join(bare, 'tessera.mjs'));
    const { stderr, status } = run(otherNode, [join(bare, 'tessera.mjs'), 'up']);
    expect(stderr).toMatch(/run `npm install` in /);
    expect(status).toBe(1);
  });

  it('is found by npx without network and with an empty cache, and nothing else is', () => {
    const cache = mkdtempSync(join(folder, 'npm-'));
    const env = {
      ...process.env,
      npm_config_cache: cache,
      npm_config_registry: 'http://127.0.0.1:9',
      npm_config_fetch_retries: '0',
    };
    for (const cwd of [REPOSITORY, join(REPOSITORY, 'machines')]) {
      const { stdout, status } = run('npx', ['tessera', '--version'], { cwd, env });
      expect([stdout.trim(), status]).toEqual([packageJson.version, 0]);
    }
  });
});

describe('signals', () => {
  const exitOf = (child: ChildProcess) =>
    new Promise<{ code: number | null; signal: string | null }>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });

  /** A worker that dials a port where nobody listens: it runs until it is told to stop. */
  async function startWorker(): Promise<{ child: ChildProcess; pid: number }> {
    const env = cleanEnvironment({
      TESSERA_HOME: mkdtempSync(join(folder, 'home-')),
      TESSERA_URL: 'http://127.0.0.1:9',
      TESSERA_WORKER_KEY: 'tsr_worker_unused',
    });
    const child = spawn(otherNode, [launcher, 'worker'], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    // Its first words are JSON lines that name the agent's own process.
    const pid = await new Promise<number>((resolve, reject) => {
      child.stderr.on('data', (chunk) => {
        const found = /"pid":(\d+)/.exec(String(chunk));
        if (found) resolve(Number(found[1]));
      });
      child.once('exit', () => reject(new Error('the worker ended before it said anything')));
    });
    return { child, pid };
  }

  it.each(['SIGINT', 'SIGTERM'] as const)(
    '%s reaches the command, which ends well',
    async (name) => {
      const { child } = await startWorker();
      child.kill(name);
      expect(await exitOf(child)).toEqual({ code: 0, signal: null });
    },
  );

  it('the command ends when the launcher is killed', async () => {
    const { child, pid } = await startWorker();
    child.kill('SIGKILL');
    await exitOf(child);
    await expect.poll(() => isRunning(pid), { timeout: 30_000 }).toBe(false);
  });
});
