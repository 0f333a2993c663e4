// The database that `up` works with: the operator's own (DATABASE_URL), or the embedded PostgreSQL, which
// is started again whenever it dies.
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../db/embedded/embedded-postgres.ts';
import { BACKOFF_MS } from './restarting-child.ts';

export interface Database {
  readonly url: () => string;
  stop(): Promise<void>;
  /** Without waiting: PostgreSQL recovers at its next start. */
  kill(): void;
}

export interface DatabaseOptions {
  readonly ownUrl: string | null;
  readonly folder: string;
  readonly say: (sentence: string) => void;
  /** It came back at another address, because its port was taken meanwhile. */
  readonly onMoved: (url: string) => void;
}

export async function startDatabase(options: DatabaseOptions): Promise<Database> {
  const { ownUrl, folder, say } = options;
  if (ownUrl !== null) {
    return { url: () => ownUrl, stop: async () => undefined, kill: () => undefined };
  }
  let isStopping = false;
  let deaths = 0;
  let pending: NodeJS.Timeout | undefined;
  let restarting: Promise<void> | null = null;

  const launch = (port?: number): Promise<EmbeddedPostgres> =>
    startEmbeddedPostgres({ folder, log: say, onExit, ...(port === undefined ? {} : { port }) });

  const onExit = (reason: string): void => {
    if (isStopping) return;
    const pauseMs = BACKOFF_MS[Math.min(deaths, BACKOFF_MS.length - 1)] ?? 0;
    deaths += 1;
    say(`${reason} It is started again in ${pauseMs / 1000} s.`);
    pending = setTimeout(() => {
      restarting = restart().finally(() => (restarting = null));
    }, pauseMs);
  };

  const restart = async (): Promise<void> => {
    const before = server;
    try {
      // Where clients look for it; after two failures the port must be the trouble.
      server = await launch(deaths <= 2 ? before.port : undefined);
    } catch (error) {
      return onExit(error instanceof Error ? error.message : String(error));
    }
    say('PostgreSQL is back.');
    deaths = 0;
    if (server.url !== before.url) options.onMoved(server.url);
  };

  let server = await launch();
  return {
    url: () => server.url,
    stop: async () => {
      isStopping = true;
      clearTimeout(pending);
      await restarting;
      await server.stop();
    },
    kill: () => {
      isStopping = true;
      clearTimeout(pending);
      try {
        process.kill(server.pid, 'SIGQUIT');
      } catch {
        // Already gone, which is what was wanted.
      }
    },
  };
}
