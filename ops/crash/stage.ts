// Everything that a run starts: a database, runtimes in front of it, a balancer, and workers.
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { freePort } from '../../db/embedded/server-process.ts';
import { migrate } from '../../db/migrate.ts';
import { environment } from '../../runtime/config.ts';
import { issueKey } from '../cli/issue-key.ts';
import { type Balancer, startBalancer } from './balancer.ts';
import type { Dice } from './dice.ts';
import { KeptPostgres } from './kept-postgres.ts';
import { KeptProcess } from './kept-process.ts';

export interface StageOptions {
  readonly folder: string;
  readonly runtimes: number;
  readonly workers: number;
  readonly slots: number;
  readonly chance: Dice;
  readonly onUnbidden: (sentence: string) => void;
}

export interface Stage {
  readonly postgres: KeptPostgres;
  readonly runtimes: readonly KeptProcess[];
  readonly workers: readonly KeptProcess[];
  /** `http://…` of each runtime, and of what stands in front of them. */
  readonly addresses: readonly string[];
  readonly front: string;
  readonly home: string;
  readonly diaries: readonly string[];
  /** Runtimes and workers, in good order. */
  stopProcesses(): Promise<void>;
  close(): Promise<void>;
}

const here = (file: string): string => join(import.meta.dirname, file);

/** Without any setting of Tessera: a developer's own must not leak into a run. */
function cleanEnvironment(folder: string): NodeJS.ProcessEnv {
  const known = new Set(Object.keys(environment.shape));
  const rest = Object.entries(process.env).filter(
    ([name]) => !known.has(name) && !/^(TESSERA|CRASH)_/.test(name),
  );
  // Halves the time of a start, and there are hundreds.
  return { ...Object.fromEntries(rest), NODE_COMPILE_CACHE: join(folder, 'compiled') };
}

export async function setStage(options: StageOptions): Promise<Stage> {
  const { folder, chance } = options;
  // Open to walk through: PostgreSQL, which root runs as somebody else, must get in.
  mkdirSync(join(folder, 'logs'), { recursive: true });
  chmodSync(folder, 0o711);
  const postgres = await KeptPostgres.start(join(folder, 'postgres'));
  await migrate(postgres.url);
  const ports = await Promise.all(Array.from({ length: options.runtimes }, () => freePort()));
  const balancer = await startBalancer(ports, chance.split('balancer'));
  const front = `http://127.0.0.1:${balancer.port}`;
  const home = join(folder, 'home');
  const runtimes = ports.map((port, n) =>
    runtime(options, { port, name: `runtime-${n + 1}`, home }, postgres.url),
  );
  const names = Array.from({ length: options.workers }, (_, n) => `worker-${n + 1}`);
  const diaries = names.map((name) => join(folder, `${name}.diary.jsonl`));
  const workers: KeptProcess[] = [];
  for (const [n, name] of names.entries()) {
    const { key } = await issueKey(postgres.url, {
      ...{ kind: 'worker', name, account: null, platform: null },
    });
    workers.push(worker(options, { name, key, front, diary: diaries[n]! }));
  }
  for (const each of [...runtimes, ...workers]) each.start();
  await Promise.all([...runtimes, ...workers].map((each) => each.whenUp()));
  const stopProcesses = async (): Promise<void> => {
    await Promise.all(runtimes.map((each) => each.close()));
    await Promise.all(workers.map((each) => each.close()));
  };
  return {
    ...{ postgres, runtimes, workers, front, home, diaries, stopProcesses },
    addresses: ports.map((port) => `http://127.0.0.1:${port}`),
    close: () => closeAll(stopProcesses, balancer, postgres),
  };
}

async function closeAll(
  stopProcesses: () => Promise<void>,
  balancer: Balancer,
  postgres: KeptPostgres,
): Promise<void> {
  await stopProcesses();
  await balancer.close();
  await postgres.close();
}

function runtime(
  { folder, onUnbidden }: StageOptions,
  { port, name, home }: { port: number; name: string; home: string },
  databaseUrl: string,
): KeptProcess {
  const points = pathToFileURL(here('runtime-points.ts')).href;
  return new KeptProcess({
    ...{ name, onUnbidden, log: join(folder, 'logs', `${name}.log`) },
    command: ['--import', points, here('../cli/main.ts'), 'runtime'],
    env: {
      ...cleanEnvironment(folder),
      DATABASE_URL: databaseUrl,
      TESSERA_HOME: home,
      PORT: String(port),
      LOG_LEVEL: 'warn',
      TESSERA_RUNTIME_ID: name,
    },
    isReady: async () => {
      const signal = AbortSignal.timeout(2_000);
      return (await fetch(`http://127.0.0.1:${port}/readyz`, { signal })).ok;
    },
  });
}

function worker(
  { folder, slots, onUnbidden }: StageOptions,
  { name, key, front, diary }: { name: string; key: string; front: string; diary: string },
): KeptProcess {
  const connected = new WeakSet<object>();
  return new KeptProcess({
    ...{ name, onUnbidden, log: join(folder, 'logs', `${name}.log`) },
    command: [here('worker.ts')],
    env: {
      ...cleanEnvironment(folder),
      CRASH_WORKER_NAME: name,
      CRASH_WORKER_SLOTS: String(slots),
      CRASH_WORKER_URL: front,
      CRASH_WORKER_KEY: key,
      CRASH_WORKER_FOLDER: join(folder, name),
      CRASH_WORKER_DIARY: diary,
    },
    isReady: async (child) => {
      if (child.listenerCount('message') === 0) child.once('message', () => connected.add(child));
      return connected.has(child);
    },
  });
}
