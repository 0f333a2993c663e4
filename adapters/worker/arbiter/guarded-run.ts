// One run of an engine, as an attempt may use it: watched for silence, tried once more when the card ran out
// of memory, and learned from.
import type { EngineJob, EngineOutput, EngineUpdate } from '../../../machines/contract/engine.ts';
import type { EngineHost } from '../engine-host.ts';
import { isOutOfMemory } from './card.ts';
import { withSample } from './measurements.ts';
import { afterOutOfMemory } from './patience.ts';
import { createStrains } from './strains.ts';
import type { Report, Watch, WatchOptions } from './watched-call.ts';

export type EngineRun = (
  job: EngineJob,
  report: (update: EngineUpdate) => void,
  signal: AbortSignal,
) => Promise<readonly EngineOutput[]>;

export interface RunFacts {
  readonly key: string;
  readonly host: EngineHost;
  readonly model: string;
  /** In standard outputs. */
  readonly work: number;
  /** What the offer says of one standard output. */
  readonly expectedMs: number;
}

export interface GuardOptions extends WatchOptions {
  readonly watch: Watch;
}

export type Guard = ReturnType<typeof createGuard>;

/** The price's own lower bound: what is smaller takes no less time. */
export const WORK_MIN = 0.1;

export function createGuard({ watch, card, engines, measurements, timers, log }: GuardOptions) {
  const strains = createStrains(timers, log, 'it runs at settings that save memory');

  const once = async (facts: RunFacts, job: EngineJob, report: Report, signal: AbortSignal) => {
    const { host, model, work } = facts;
    const { value, tookMs } = await watch({
      ...facts,
      signal,
      showsNeed: true,
      make: (stop, hearing) => host.engine.run(job, hearing(report), stop),
    });
    if (job.isSafe !== true)
      measurements.change(model, (was) => ({
        ...was,
        runMs: withSample(was.runMs, tookMs / Math.max(work, WORK_MIN)),
      }));
    return value;
  };

  const run = async (
    facts: RunFacts,
    job: EngineJob,
    report: Report,
    signal: AbortSignal,
  ): Promise<readonly EngineOutput[]> => {
    const { key, host, model } = facts;
    let hasSpoken = false;
    const tell = (update: EngineUpdate) => {
      if (update.type === 'text') hasSpoken = true;
      report(update);
    };
    const attempt = async (isSafe: boolean) => {
      try {
        const outputs = await once(facts, isSafe ? { ...job, isSafe } : job, tell, signal);
        strains.note(model, false, isSafe);
        return outputs;
      } catch (error) {
        if (isOutOfMemory(error) && !signal.aborted) strains.note(model, true, isSafe);
        throw error;
      }
    };

    let isRetry = false;
    for (;;) {
      try {
        if (isRetry) {
          return await engines.alone(key, signal, async () => {
            await card.refresh(model, signal);
            return attempt(true);
          });
        }
        return await attempt(strains.isSpared(model));
      } catch (error) {
        if (signal.aborted || !isOutOfMemory(error)) throw error;
        if (afterOutOfMemory(isRetry, hasSpoken) === 'restart') {
          log.warn({ model, engine: host.engine.name }, 'A job ran out of memory for good');
          await engines.restartWhenIdle(host, 'it ran out of memory', key);
          throw error;
        }
        log.warn({ model }, 'A job ran out of memory; it is tried again at settings that save it');
        isRetry = true;
      }
    }
  };

  return {
    isSpared: strains.isSpared,
    run:
      (facts: RunFacts): EngineRun =>
      (job, report, signal) =>
        run(facts, job, report, signal),
  };
}
