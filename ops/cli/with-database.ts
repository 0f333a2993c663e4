// The database for a short command: the operator's own, that of the running instance, or the embedded
// one, started for the moment the command takes.
import { startEmbeddedPostgres } from '../../db/embedded/embedded-postgres.ts';
import { readConfig } from '../../runtime/config.ts';
import { runningInstance, takeInstanceLock } from '../up/instance.ts';
import { homeAt, prepareHome } from './home.ts';
import { EXIT_FAILURE } from './misuse.ts';
import { onStopSignals } from './signals.ts';

const say = (sentence: string): void => console.error(sentence);

export async function withDatabase<T>(
  env: NodeJS.ProcessEnv,
  command: string,
  use: (url: string) => Promise<T>,
): Promise<T> {
  const config = readConfig(env);
  if (config.databaseUrl !== null) return use(config.databaseUrl);
  const home = homeAt(config.home);
  const url = runningInstance(home.instance)?.databaseUrl ?? null;
  if (url !== null) return use(url);
  prepareHome(home.folder);
  const lock = takeInstanceLock(home.instance, command);
  // Ctrl-C waits for the end: it is a moment, and the server must not be left behind.
  const ignore = onStopSignals({ stop: () => undefined, hurry: () => process.exit(EXIT_FAILURE) });
  try {
    say(`No instance runs in ${home.folder}; its database is started for a moment.`);
    const server = await startEmbeddedPostgres({ folder: home.postgres, log: say, onExit: say });
    try {
      return await use(server.url);
    } finally {
      await server.stop();
    }
  } finally {
    ignore();
    lock.release();
  }
}
