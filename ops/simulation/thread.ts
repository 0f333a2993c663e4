// A thread of the simulation: runs one seed after the other, as it is told. With a planted bug it loads the
// sources with that bug in them; nothing of the project may be loaded before.
import { parentPort, workerData } from 'node:worker_threads';
import type { SeedResult } from './seed.ts';
import type { Limits } from './limits.ts';

export interface Task {
  readonly seed: number;
  readonly limits: Limits;
  readonly isTold: boolean;
}

export interface ThreadData {
  /** Name of the bug to load the sources with; null for the sources as they are. */
  readonly planted: string | null;
}

const { planted } = workerData as ThreadData;
if (planted !== null) {
  const { plant } = await import('./planted/plant.ts');
  plant(planted);
}
const { runSeed } = await import('./seed.ts');

// Nobody reads the stack of an operating failure, and it is half of what one costs.
Error.stackTraceLimit = 0;

let blame: ((error: unknown) => void) | null = null;
// A promise that nobody waited for: a programmer error of the seed that runs now.
process.on('uncaughtException', (error) => blame?.(error));
process.on('unhandledRejection', (error) => blame?.(error));

parentPort?.on('message', (task: Task) => {
  void runSeed(task.seed, task.limits, task.isTold, (accuse) => (blame = accuse)).then(
    (result: SeedResult) => parentPort?.postMessage(result),
  );
});
