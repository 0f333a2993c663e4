// What `tessera worker` runs: one agent with its engines, until it is told to stop.
import { pino } from 'pino';
import packageJson from '../../package.json' with { type: 'json' };
import { startAgent } from './agent.ts';
import { createBuiltinEngine } from './engines/builtin/engine.ts';
import { askGpus, chooseCard, factsOf } from './gpu.ts';

export interface WorkerConfig {
  readonly url: string;
  readonly key: string;
  readonly name: string;
  readonly folder: string;
  readonly slots: number;
}

/** Resolves with the reason when the worker has stopped and nothing of it is left running. */
export async function runWorker(config: WorkerConfig): Promise<string> {
  // Data on stdout, talk on stderr.
  const log = pino(
    { name: 'worker', serializers: { error: pino.stdSerializers.err } },
    pino.destination(2),
  );
  const engine = createBuiltinEngine();
  const card = chooseCard((await askGpus()).cards, null);
  const agent = startAgent({
    ...config,
    version: packageJson.version,
    gpu: card === undefined ? null : factsOf(card),
    engines: [engine],
    log,
  });
  const stop = () => void agent.close();
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  // A worker started by `up` must not outlive it.
  process.once('disconnect', stop);
  try {
    return await agent.closed;
  } finally {
    process.off('SIGTERM', stop);
    process.off('SIGINT', stop);
    process.off('disconnect', stop);
    await engine.close();
  }
}
