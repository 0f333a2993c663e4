// An engine whose jobs last a while, so that a restart always finds some under way. It counts how often it
// was asked for each job: more than once means that work was done again.
import { setTimeout as delay } from 'node:timers/promises';
import type { Engine } from '../../machines/contract/engine.ts';

const RUN_MS = 1_500;
export const MODEL = 'steady';

export interface SlowEngine extends Engine {
  readonly runs: ReadonlyMap<string, number>;
}

export function createSlowEngine(): SlowEngine {
  const runs = new Map<string, number>();
  return {
    runs,
    name: 'slow',
    probe: async () => undefined,
    models: async () => [
      {
        ...{
          id: MODEL,
          name: MODEL,
          engine: 'slow',
          modality: 'text',
          description: 'Takes a while.',
        },
        ...{ vramBytes: 1_000, loadMs: 1, runMs: RUN_MS, limits: {}, styles: [], voices: [] },
      },
    ],
    load: async () => ({ loadMs: 1, vramBytes: 1_000 }),
    unload: async () => undefined,
    close: async () => undefined,
    async run(job, report, signal) {
      runs.set(job.id, (runs.get(job.id) ?? 0) + 1);
      report({ type: 'started' });
      await delay(RUN_MS, null, { signal });
      const bytes = new TextEncoder().encode(`${job.prompt}, as was asked for`);
      return [{ mediaType: 'text/plain', bytes, facts: { attempt: job.attempt } }];
    },
  };
}
