// `tessera worker`: one agent beside a GPU, until it is told to stop.
import { takeInstanceLock } from '../up/instance.ts';
import { EXIT_FAILURE } from './misuse.ts';
import { onStopSignals } from './signals.ts';
import { readWorkerConfig } from './worker-config.ts';

export async function worker(env: NodeJS.ProcessEnv): Promise<void> {
  const config = readWorkerConfig(env);
  const lock = takeInstanceLock(`${config.folder}.lock`, `tessera worker (${config.name})`);
  // The agent itself listens for signals and stops; this keeps a repeated one from killing it half-way.
  const ignore = onStopSignals({ stop: () => undefined, hurry: () => process.exit(EXIT_FAILURE) });
  try {
    const { runWorker } = await import('../../adapters/worker/main.ts');
    console.error(`The worker has ended: ${await runWorker(config)}`);
  } finally {
    ignore();
    lock.release();
  }
}
