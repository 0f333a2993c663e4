// What stands on the stage: a database, the real runtime, the wire tap, the real worker in a process of its own,
// and an engine's simulator. All of it outlives every kill.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient, type TesseraClient } from '../../adapters/client/http.ts';
import { freePort } from '../../db/embedded/server-process.ts';
import { migrate } from '../../db/migrate.ts';
import { issueKey } from '../cli/issue-key.ts';
import { REPOSITORY } from '../cli/home.ts';
import { KeptPostgres } from '../crash/kept-postgres.ts';
import { KeptProcess } from '../crash/kept-process.ts';
import { cleanEnvironment } from '../testing.ts';
import { WireTap, type Listener } from './wire-tap.ts';

/** The engine of the scene, from outside: what it can be made to do, and what it can be asked. */
export interface SceneEngine {
  /** As the worker's engines file has it. */
  readonly entry: object;
  /** Two models, so that one of them has to be loaded. */
  readonly models: readonly [string, string];
  /** Told its moments like the wire tap. */
  listener: Listener;
  /** kill -9. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** How often it was asked to begin with something. */
  begun(): number;
  /** Nothing is waiting or running in it. */
  isIdle(): boolean;
  close(): Promise<void>;
}

export interface Scene {
  /** Of a person of its own for each number: nobody's day is long enough for all moments. */
  readonly personOf: (n: number) => TesseraClient;
  readonly tap: WireTap;
  readonly worker: KeptProcess;
  readonly engine: SceneEngine;
  close(): Promise<void>;
}

const LINE = { host: '127.0.0.1' };

export async function setScene(folder: string, engine: SceneEngine): Promise<Scene> {
  mkdirSync(folder, { recursive: true });
  const postgres = await KeptPostgres.start(join(folder, 'postgres'));
  await migrate(postgres.url);
  const port = await freePort();
  const broken: string[] = [];
  const onUnbidden = (sentence: string): void => void broken.push(sentence);
  const main = join(REPOSITORY, 'ops', 'cli', 'main.ts');
  const runtime = new KeptProcess({
    ...{ name: 'runtime', log: join(folder, 'runtime.log'), onUnbidden },
    command: [main, 'runtime'],
    env: cleanEnvironment({
      ...{ DATABASE_URL: postgres.url, PORT: String(port), LOG_LEVEL: 'warn' },
      TESSERA_HOME: join(folder, 'home'),
    }),
    isReady: async () => (await fetch(`http://${LINE.host}:${port}/readyz`)).ok,
  });
  runtime.start();
  await runtime.whenUp();
  const tap = await WireTap.open(port);
  const { key } = await issueKey(postgres.url, {
    ...{ kind: 'worker', name: 'moments', account: null, platform: null },
  });
  const engines = join(folder, 'engines.json');
  writeFileSync(engines, JSON.stringify({ engines: [engine.entry] }));
  const frontend = await issueKey(postgres.url, {
    ...{ kind: 'frontend', name: 'moments', account: null, platform: 'telegram' },
  });
  const client = createClient({ baseUrl: `http://${LINE.host}:${port}`, key: frontend.key });
  const worker = new KeptProcess({
    ...{ name: 'worker', log: join(folder, 'worker.log'), onUnbidden },
    command: [main, 'worker'],
    env: cleanEnvironment({
      TESSERA_URL: `http://${LINE.host}:${tap.port}`,
      TESSERA_WORKER_KEY: key,
      TESSERA_WORKER_NAME: 'moments',
      TESSERA_ENGINES: engines,
      TESSERA_HOME: join(folder, 'worker'),
    }),
    isReady: async () => {
      const { workers } = await client.status();
      return workers.some(({ state }) => state === 'idle');
    },
  });
  worker.start();
  await worker.whenUp();
  return {
    ...{ tap, worker, engine },
    personOf: (n) => client.actingFor(`telegram:${n}`),
    async close() {
      await worker.close();
      await tap.close();
      await runtime.close();
      await postgres.close();
      await engine.close();
      if (broken.length > 0) throw new Error(broken.join('\n'));
    },
  };
}
