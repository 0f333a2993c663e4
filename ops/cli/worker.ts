// `tessera worker`: one agent beside a GPU, until it is told to stop.
import { readConfig } from '../../runtime/config.ts';
import { takeInstanceLock } from '../up/instance.ts';
import { homeAt } from './home.ts';
import { EXIT_FAILURE } from './misuse.ts';
import { onStopSignals } from './signals.ts';
import { keyOfWorker } from './worker-key.ts';

export async function worker(env: NodeJS.ProcessEnv): Promise<void> {
  const config = readConfig(env);
  const { home, worker: settings } = config;
  const { name } = settings;
  const folder = homeAt(home).worker(name);
  const lock = takeInstanceLock(`${folder}.lock`, `tessera worker (${name})`);
  // The agent itself listens for signals and stops; this keeps a repeated one from killing it half-way.
  const ignore = onStopSignals({ stop: () => undefined, hurry: () => process.exit(EXIT_FAILURE) });
  try {
    const key = await keyOfWorker(config);
    const { runWorker } = await import('../../adapters/worker/main.ts');
    console.error(`The worker has ended: ${await runWorker({ ...settings, key, folder })}`);
  } finally {
    ignore();
    lock.release();
  }
}
