// `tessera worker`: one agent beside a GPU, until it is told to stop.
import { existsSync } from 'node:fs';
import { BadEngines, type EngineSources } from '../../adapters/worker/config/engines-file.ts';
import { type Config, readConfig } from '../../runtime/config.ts';
import { takeInstanceLock } from '../up/instance.ts';
import { homeAt } from './home.ts';
import { EXIT_FAILURE, Misuse } from './misuse.ts';
import { onStopSignals } from './signals.ts';
import { keyOfWorker } from './worker-key.ts';

export async function worker(env: NodeJS.ProcessEnv): Promise<void> {
  const config = readConfig(env);
  const { home, worker: settings } = config;
  const { name } = settings;
  const folder = homeAt(home).worker(name);
  const stopped = new AbortController();
  const ignore = onStopSignals({
    stop: () => stopped.abort(),
    hurry: () => process.exit(EXIT_FAILURE),
  });
  let lock: ReturnType<typeof takeInstanceLock> | undefined;
  try {
    lock = takeInstanceLock(`${folder}.lock`, `tessera worker (${name})`);
    const key = await keyOfWorker(config);
    const { runWorker } = await import('../../adapters/worker/main.ts');
    const enginesFolder = homeAt(home).engines(name);
    const engines = enginesOf(config);
    const reason = await runWorker(
      { ...settings, key, folder, enginesFolder, engines },
      stopped.signal,
    );
    console.error(`The worker has ended: ${reason}`);
  } catch (error) {
    throw error instanceof BadEngines ? new Misuse(error.message) : error;
  } finally {
    ignore();
    lock?.release();
  }
}

/** The file that was named, or the one in TESSERA_HOME where there is one. */
export function enginesOf({ home, worker: settings }: Config): EngineSources {
  const { enginesFile } = homeAt(home);
  const file = settings.enginesFile ?? (existsSync(enginesFile) ? enginesFile : null);
  return { file, urls: settings.engineUrls };
}
