// Engines in real processes for tests: hosts of them, and what is left of them.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { EngineEntry } from '../config/engines-file.ts';
import type { EngineStart } from '../config/engine-start.ts';
import { createHeldEngine } from '../engine-testing.ts';
import { systemSeams, type Log, type Timers } from '../seams.ts';
import { openHosts, type Hosts } from './hosts.ts';

/** Real time, a hundred times as fast where it is pauses and graces that are waited for. */
export const quick: Timers = {
  now: () => systemSeams.timers.now() * 100,
  // Answers of real processes take real time: what waits for them waits on.
  after: (delayMs, run) => systemSeams.timers.after(delayMs / 20, run),
};

export const SERVER = join(import.meta.dirname, 'server-testing.ts');
export const serve = (port: number, way: string): EngineStart => ({
  by: 'command',
  program: { command: [process.execPath, SERVER, String(port), way], env: {} },
});

export function folderOfTest(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-engines-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Its probe answers with the process that serves. */
export const entryOf = (port: number, start: EngineStart): EngineEntry => {
  const url = `http://127.0.0.1:${port}`;
  const engine = createHeldEngine();
  engine.probe = async () => void (await fetch(url, { headers: { connection: 'close' } }));
  return { kind: 'builtin', name: 'held', url, create: () => engine, pinned: [], start };
};

export interface Household {
  readonly hosts: Hosts;
  /** Resolves once a sentence like this was logged; each sentence counts once. */
  logs(pattern: RegExp): Promise<string>;
}

export async function keepHouse(
  folder: string,
  entry: EngineEntry,
  timers: Timers = quick,
): Promise<Household> {
  const logged: string[] = [];
  const watchers = new Set<() => void>();
  const write = (_facts: object, message: string) => {
    logged.push(message);
    for (const watch of [...watchers]) watch();
  };
  const log: Log = { info: write, warn: write, error: write };
  const hosts = await openHosts({
    entries: [entry],
    folder,
    card: null,
    hasOtherCards: false,
    log,
    seams: { timers },
  });
  return {
    hosts,
    logs: (pattern) =>
      new Promise((resolve) => {
        const look = () => {
          const at = logged.findIndex((sentence) => pattern.test(sentence));
          if (at === -1) return;
          watchers.delete(look);
          resolve(logged.splice(at, 1)[0]!);
        };
        watchers.add(look);
        look();
      }),
  };
}

export const pidServing = async (port: number, path = '/'): Promise<number> => {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: { connection: 'close' },
  });
  return Number(await answer.text());
};
