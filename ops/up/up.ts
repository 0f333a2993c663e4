// `tessera up`, which is what `npm start` runs: database, website, runtime and one worker on this machine,
// kept running until Ctrl-C. Each is a process of its own, so that each may die alone.
import { hostname } from 'node:os';
import packageJson from '../../package.json' with { type: 'json' };
import { migrate } from '../../db/migrate.ts';
import { type Config, readConfig } from '../../runtime/config.ts';
import { type Home, homeAt, prepareHome, REPOSITORY } from '../cli/home.ts';
import { EXIT_FAILURE, EXIT_MISUSE } from '../cli/misuse.ts';
import { onStopSignals } from '../cli/signals.ts';
import { startCommand } from './children.ts';
import { type Database, startDatabase } from './database.ts';
import { type InstanceLock, takeInstanceLock } from './instance.ts';
import { assertPortIsFree, untilAnswering, untilOffering } from './ready.ts';
import type { RestartingChild } from './restarting-child.ts';
import { ensureSite } from './site.ts';
import { ensureWorkerKey } from './worker-key.ts';

// The agent stops its engine; the runtime lets running requests and its last commit end.
const WORKER_GRACE_MS = 10_000;
const RUNTIME_GRACE_MS = 20_000;
const WORKER_NAME = 'builtin';

const tell = (line: string): void => console.error(line);
const say = (sentence: string): void => tell(`tessera  ${sentence}`);

/** What was started so far. */
interface Parts {
  database?: Database;
  runtime?: RestartingChild;
  worker?: RestartingChild;
}

interface Start {
  readonly config: Config;
  readonly home: Home;
  readonly lock: InstanceLock;
  readonly parts: Parts;
  readonly signal: AbortSignal;
  readonly onRefused: () => void;
}

/** Resolves with the exit code when everything has stopped. */
export async function up(env: NodeJS.ProcessEnv): Promise<number> {
  const config = readConfig(env);
  const home = homeAt(config.home);
  prepareHome(home.folder);
  const lock = takeInstanceLock(home.instance, 'tessera up');
  const parts: Parts = {};
  const stopping = new AbortController();
  const end = Promise.withResolvers<number>();
  const finish = (code: number): void => {
    stopping.abort();
    end.resolve(code);
  };
  const ignoreSignals = onStopSignals({
    stop: () => {
      say('Stopping. Ctrl-C once more ends everything at once.');
      finish(0);
    },
    hurry: () => process.exit(EXIT_FAILURE),
  });
  // Whatever ends this process, nothing that it started is left behind.
  const endAll = (): void => {
    for (const part of [parts.worker, parts.runtime, parts.database]) part?.kill();
    lock.release();
  };
  process.once('exit', endAll);
  try {
    const onRefused = (): void => finish(EXIT_MISUSE);
    await start({ config, home, lock, parts, signal: stopping.signal, onRefused });
    return await end.promise;
  } catch (error) {
    // Stopped while it was starting: that is no failure.
    if (stopping.signal.aborted) return await end.promise;
    throw error;
  } finally {
    stopping.abort();
    await stop(parts);
    process.off('exit', endAll);
    lock.release();
    ignoreSignals();
  }
}

async function start(options: Start): Promise<void> {
  const { config, home, lock, parts, signal, onRefused } = options;
  say(`Tessera ${packageJson.version}, with its data in ${home.folder}.`);
  await assertPortIsFree(config.host, config.port);
  const shown = addressOf(config.host === '127.0.0.1' ? 'localhost' : config.host, config.port);
  lock.update({ address: shown });
  const [database, site] = await Promise.allSettled([
    prepareDatabase(options),
    ensureSite({ root: REPOSITORY, say, signal }),
  ]);
  if (database.status === 'rejected') throw database.reason;
  if (site.status === 'rejected') throw site.reason;
  signal.throwIfAborted();

  const { url } = database.value;
  const workerKey = await ensureWorkerKey(url(), home.workerKey);
  const address = addressOf(config.host, config.port);
  const children = { home, tell, say, onRefused };
  const runtimeSettings = () => ({
    DATABASE_URL: url(),
    // One name for life: a runtime that comes back after kill -9 takes its duties up at once.
    TESSERA_RUNTIME_ID: `up:${hostname().replaceAll(/[^\w.-]/g, '_')}:${config.port}`,
  });
  parts.runtime = startCommand('runtime', runtimeSettings, children);
  await untilAnswering(address, signal);
  const workerSettings = {
    // The agent decides nothing, so it is not given the database.
    DATABASE_URL: undefined,
    TESSERA_URL: address,
    TESSERA_WORKER_KEY: workerKey,
    TESSERA_WORKER_NAME: WORKER_NAME,
  };
  parts.worker = startCommand('worker', () => workerSettings, children);
  await untilOffering(address, signal);
  // The address is the one thing that a script may want: data on stdout, talk on stderr.
  console.log(`Tessera is ready at ${shown}`);
  say('Ctrl-C stops it; everything is still there at the next start.');
}

async function prepareDatabase({ config, home, lock, parts }: Start): Promise<Database> {
  const database = await startDatabase({
    ownUrl: config.databaseUrl,
    folder: home.postgres,
    say,
    onMoved: (databaseUrl) => {
      lock.update({ databaseUrl });
      parts.runtime?.restart();
    },
  });
  parts.database = database;
  await migrate(database.url());
  lock.update({ databaseUrl: database.url() });
  return database;
}

const addressOf = (host: string, port: number): string =>
  `http://${host.includes(':') ? `[${host}]` : host}:${port}`;

/** In the opposite order of the start, so that each may still speak to what it depends on. */
async function stop({ worker, runtime, database }: Parts): Promise<void> {
  await worker?.stop(WORKER_GRACE_MS);
  await runtime?.stop(RUNTIME_GRACE_MS);
  await database?.stop();
  if (database !== undefined) say('Stopped.');
}
