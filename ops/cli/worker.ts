// `tessera worker`: one agent beside a GPU, until it is told to stop.
import { readConfig } from '../../runtime/config.ts';
import { takeInstanceLock } from '../up/instance.ts';
import { homeAt } from './home.ts';
import { EXIT_FAILURE, Misuse } from './misuse.ts';
import { onStopSignals } from './signals.ts';

export async function worker(env: NodeJS.ProcessEnv): Promise<void> {
  const { home, worker: settings } = readConfig(env);
  const { key, name } = settings;
  if (key === null) {
    throw new Misuse(
      'TESSERA_WORKER_KEY is not set. `tessera key create --kind worker`, said beside the runtime, makes one.',
    );
  }
  const folder = homeAt(home).worker(name);
  const lock = takeInstanceLock(`${folder}.lock`, `tessera worker (${name})`);
  // The agent itself listens for signals and stops; this keeps a repeated one from killing it half-way.
  const ignore = onStopSignals({ stop: () => undefined, hurry: () => process.exit(EXIT_FAILURE) });
  try {
    const { runWorker } = await import('../../adapters/worker/main.ts');
    console.error(`The worker has ended: ${await runWorker({ ...settings, key, folder })}`);
  } finally {
    ignore();
    lock.release();
  }
}
