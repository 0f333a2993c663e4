// The real runtime in a process of its own, with keys for whoever talks to it.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { DatabasePool } from 'slonik';
import { LocalBlobs } from '../../adapters/blobs/local-blobs.ts';
import { ensureAccount } from '../../db/queries/accounts.ts';
import { insertApiKey } from '../../db/queries/api-keys.ts';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import { makeKey, type KeyKind } from '../../runtime/keys.ts';
import { REPOSITORY } from '../cli/home.ts';
import { cleanEnvironment, freePort } from '../testing.ts';
import { V8_FLAGS } from '../up/children.ts';
import { RESULT } from './no-op-agent.ts';

const START_LIMIT_MS = 60_000;

export interface RuntimeProcess {
  readonly port: number;
  readonly pid: number;
  /** The last of what it said. */
  said(): string;
  /** kill -9 */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export interface RuntimeOptions {
  readonly url: string;
  readonly port?: number;
  readonly fail: (error: Error) => void;
}

/** Resolves as soon as the process exists; `ready` tells when it serves. */
export async function startRuntimeProcess(options: RuntimeOptions): Promise<RuntimeProcess> {
  const { url, fail } = options;
  const port = options.port ?? (await freePort());
  const home = mkdtempSync(join(tmpdir(), 'tessera-bench-home-'));
  const blobs = await LocalBlobs.open(join(home, 'blobs'));
  await blobs.put(Readable.from([RESULT]), RESULT.length);
  const settings = { DATABASE_URL: url, PORT: String(port), TESSERA_HOME: home, LOG_LEVEL: 'warn' };
  const main = join(REPOSITORY, 'ops', 'cli', 'main.ts');
  const child = spawn(process.execPath, [...V8_FLAGS, main, 'runtime'], {
    cwd: REPOSITORY,
    env: cleanEnvironment(settings),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let isExpected = false;
  const said = listen(child);
  const ended = new Promise<void>((resolve) =>
    child.once('exit', (code) => {
      rmSync(home, { recursive: true, force: true });
      if (!isExpected) fail(new Error(`The runtime ended with ${code}: ${said()}`));
      resolve();
    }),
  );
  // Whoever ends this process must not leave the other one behind.
  process.once('exit', () => child.kill('SIGKILL'));
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    isExpected = true;
    child.kill(signal);
    await ended;
  };
  return { port, pid: child.pid!, said, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}

/** The last of what it said, for an error that has to explain itself. */
function listen({ stdout, stderr }: ChildProcess): () => string {
  let said = '';
  for (const stream of [stdout!, stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4_000)));
  return () => said;
}

export async function ready({ port, said }: RuntimeProcess): Promise<void> {
  const deadline = performance.now() + START_LIMIT_MS;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
    if (answer?.ok) return;
    if (performance.now() > deadline) throw new Error(`The runtime did not get ready: ${said()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A frontend's key speaks for anybody on its platform: one key, any number of people. */
export async function newKey(pool: DatabasePool, kind: KeyKind): Promise<string> {
  const made = makeKey(kind, kind === 'frontend' ? 'telegram' : null);
  await ensureAccount(pool, SYSTEM_ACCOUNT);
  await insertApiKey(pool, { ...made, accountId: SYSTEM_ACCOUNT, name: 'bench' });
  return made.key;
}
