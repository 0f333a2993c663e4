// One run of an engine, as an attempt may use it: watched for silence, tried once more when the card ran out
// of memory, and learned from.
import {
  EngineFailure,
  type EngineJob,
  type EngineOutput,
  type EngineUpdate,
} from '../../../machines/contract/engine.ts';
import type { EngineHost } from '../engine-host.ts';
import type { Log, Timers } from '../seams.ts';
import { isOutOfMemory, type Card } from './card.ts';
import { hung, type Engines } from './engines.ts';
import type { Measurements } from './measurement-file.ts';
import { withSample } from './measurements.ts';
import {
  afterOutOfMemory,
  afterRun,
  patienceOfRun,
  startsSafe,
  UNSTRAINED,
  type Strain,
} from './patience.ts';

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

export interface GuardOptions {
  readonly card: Card;
  readonly engines: Engines;
  readonly measurements: Measurements;
  readonly timers: Timers;
  readonly log: Log;
}

const PEAK_EVERY_MS = 5_000;
/** The price's own lower bound: what is smaller takes no less time. */
const WORK_MIN = 0.1;

export function createGuard(options: GuardOptions) {
  const { card, engines, measurements, timers, log } = options;
  const strains = new Map<string, Strain>();

  /** What an engine's own words mean for what is loaded in it. */
  const heed = async ({ host, model }: RunFacts, error: unknown): Promise<never> => {
    const code = error instanceof EngineFailure ? error.code : null;
    if (code === 'modelMissing') card.forget(model);
    if (code === 'engineCrashed') await engines.crashed(host, (error as EngineFailure).message);
    throw error;
  };

  const once = async (
    facts: RunFacts,
    job: EngineJob,
    report: (update: EngineUpdate) => void,
    signal: AbortSignal,
  ): Promise<readonly EngineOutput[]> => {
    const { host, model, work } = facts;
    const patience = patienceOfRun(
      measurements.of(model),
      facts.expectedMs * Math.max(work, 1),
      work,
    );
    const startedAt = timers.now();
    let heardAt = startedAt;
    let longestMs = 0;
    let latest: EngineUpdate | undefined;
    let tripSilence = () => {};
    let callOffSilence = () => {};
    const heard = () => {
      const now = timers.now();
      longestMs = Math.max(longestMs, now - heardAt);
      heardAt = now;
      callOffSilence();
      callOffSilence = timers.after(patience.silentMs, () => tripSilence());
    };
    const hear = (update: EngineUpdate) => {
      // An engine that says the same again and again does not get on.
      if (isNews(update, latest)) heard();
      latest = update;
      report(update);
    };
    const stopPeaks = every(timers, PEAK_EVERY_MS, () => void card.notePeak(model).catch(() => {}));
    try {
      const outputs = await engines.step(host, {
        work: (stop) =>
          host.engine.run(job, hear, stop).catch((error: unknown) => {
            if (stop.aborted) throw error;
            return heed(facts, error);
          }),
        patienceMs: patience.totalMs,
        what: 'The job',
        signal,
        begun: (step) => {
          tripSilence = () => {
            log.warn({ model, engine: host.engine.name, ...patience }, 'A job makes no progress');
            step.stop(hung('The job', patience.silentMs));
          };
          heard();
        },
      });
      heard();
      const runMs = (timers.now() - startedAt) / Math.max(work, WORK_MIN);
      measurements.change(model, (was) => ({
        ...was,
        runMs: job.isSafe === true ? was.runMs : withSample(was.runMs, runMs),
        gapMs: withSample(was.gapMs, longestMs),
      }));
      return outputs;
    } finally {
      callOffSilence();
      stopPeaks();
    }
  };

  const run = async (
    facts: RunFacts,
    job: EngineJob,
    report: (update: EngineUpdate) => void,
    signal: AbortSignal,
  ): Promise<readonly EngineOutput[]> => {
    const { key, host, model } = facts;
    const strainOf = () => strains.get(model) ?? UNSTRAINED;
    let hasSpoken = false;
    const tell = (update: EngineUpdate) => {
      if (update.type === 'text') hasSpoken = true;
      report(update);
    };
    const attempt = async (isSafe: boolean) => {
      const note = (hasRunOut: boolean) => {
        const before = strainOf();
        const now = afterRun(before, hasRunOut, isSafe, timers.now());
        if (now.safeUntil > before.safeUntil)
          log.warn(
            { model },
            `${model} ran out of memory twice in a row; it runs at settings that save memory for an hour`,
          );
        strains.set(model, now);
      };
      try {
        const outputs = await once(facts, isSafe ? { ...job, isSafe } : job, tell, signal);
        note(false);
        return outputs;
      } catch (error) {
        if (isOutOfMemory(error) && !signal.aborted) note(true);
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
        return await attempt(startsSafe(strainOf(), timers.now()));
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

  return (facts: RunFacts): EngineRun =>
    (job, report, signal) =>
      run(facts, job, report, signal);
}

function isNews(update: EngineUpdate, latest: EngineUpdate | undefined): boolean {
  if (update.type === 'text' || update.type !== latest?.type) return true;
  if (update.type !== 'progress' || latest.type !== 'progress') return false;
  return update.fraction !== latest.fraction || update.step !== latest.step;
}

/** Answers the function that ends it. */
function every(timers: Timers, periodMs: number, work: () => void): () => void {
  let callOff = () => {};
  const again = () => {
    callOff = timers.after(periodMs, () => {
      work();
      again();
    });
  };
  again();
  return () => callOff();
}
