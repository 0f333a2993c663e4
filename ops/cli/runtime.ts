// `tessera runtime`: the control plane alone, until it is told to stop.
import { existsSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { migrate } from '../../db/migrate.ts';
import { readConfig } from '../../runtime/config.ts';
import { assertPortIsFree } from '../up/ready.ts';
import { REPOSITORY } from './home.ts';
import { EXIT_FAILURE, Misuse } from './misuse.ts';
import { onStopSignals } from './signals.ts';

export async function runtime(env: NodeJS.ProcessEnv): Promise<void> {
  const config = readConfig(env);
  if (config.databaseUrl === null) {
    throw new Misuse(
      'DATABASE_URL is not set. Name a PostgreSQL database, or use `tessera up`, which brings one.',
    );
  }
  const stopped = Promise.withResolvers<void>();
  const ignore = onStopSignals({
    stop: () => stopped.resolve(),
    hurry: () => process.exit(EXIT_FAILURE),
  });
  try {
    await assertPortIsFree(config.host, config.port);
    await migrate(config.databaseUrl);
    const { startRuntime } = await import('../../runtime/main.ts');
    const running = await startRuntime(config, builtSite());
    flushCompileCache(); // now, for whoever is killed keeps nothing
    await stopped.promise;
    await running.stop();
  } finally {
    ignore();
  }
}

/** Null where web/ was not built: the API works without it. */
function builtSite(): string | null {
  const folder = join(REPOSITORY, 'web', 'build');
  if (existsSync(join(folder, 'handler.js'))) return folder;
  console.error(
    'The website is not built, so there is only the API. `npx vite build web` builds it.',
  );
  return null;
}
