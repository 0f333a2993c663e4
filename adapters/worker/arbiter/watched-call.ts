// One call of an engine under watch: one that hangs is stopped, and how long it was silent is learned.
import { EngineFailure, type EngineUpdate } from '../../../machines/contract/engine.ts';
import type { EngineHost } from '../engine-host.ts';
import type { Log, Timers } from '../seams.ts';
import type { Card } from './card.ts';
import { hung, type Engines } from './engines.ts';
import type { Measurements } from './measurement-file.ts';
import { withSample } from './measurements.ts';
import { patienceOfRun } from './patience.ts';

export type Report = (update: EngineUpdate) => void;

export interface Call<T> {
  readonly host: EngineHost;
  readonly model: string;
  /** Of all that is made in it, in standard outputs. */
  readonly work: number;
  /** What it takes of the card counts as its model's need from now on. */
  readonly showsNeed: boolean;
  /** What the offer says of one standard output. */
  readonly expectedMs: number;
  readonly signal: AbortSignal;
  /** `hearing` stands between the engine and whoever is told: news there is a sign of life. */
  readonly make: (stop: AbortSignal, hearing: (report: Report) => Report) => Promise<T>;
}

export interface Answer<T> {
  readonly value: T;
  readonly tookMs: number;
}

export interface WatchOptions {
  readonly card: Card;
  readonly engines: Engines;
  readonly measurements: Measurements;
  readonly timers: Timers;
  readonly log: Log;
}

export type Watch = <T>(call: Call<T>) => Promise<Answer<T>>;

const PEAK_EVERY_MS = 5_000;

export function createWatch({ card, engines, measurements, timers, log }: WatchOptions): Watch {
  /** What an engine's own words mean for what is loaded in it. */
  const heed = async ({ host, model }: Call<unknown>, error: unknown): Promise<never> => {
    const code = error instanceof EngineFailure ? error.code : null;
    if (code === 'modelMissing') card.forget(model);
    if (code === 'engineCrashed') await engines.crashed(host, (error as EngineFailure).message);
    throw error;
  };

  return async <T>(call: Call<T>): Promise<Answer<T>> => {
    const { host, model, work, signal } = call;
    const expectedMs = call.expectedMs * Math.max(work, 1);
    const patience = patienceOfRun(measurements.of(model), expectedMs, work);
    const startedAt = timers.now();
    let heardAt = startedAt;
    let longestMs = 0;
    let tripSilence = () => {};
    let callOffSilence = () => {};
    const heard = () => {
      const now = timers.now();
      longestMs = Math.max(longestMs, now - heardAt);
      heardAt = now;
      callOffSilence();
      callOffSilence = timers.after(patience.silentMs, () => tripSilence());
    };
    const hearing = (report: Report): Report => {
      let latest: EngineUpdate | undefined;
      return (update) => {
        // An engine that says the same again and again does not get on.
        if (isNews(update, latest)) heard();
        latest = update;
        report(update);
      };
    };
    const stopPeaks = every(timers, PEAK_EVERY_MS, () => {
      if (call.showsNeed) void card.notePeak(model).catch(() => {});
    });
    try {
      const value = await engines.step(host, {
        work: (stop) =>
          call.make(stop, hearing).catch((error: unknown) => {
            if (stop.aborted) throw error;
            return heed(call, error);
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
      measurements.change(model, (was) => ({ ...was, gapMs: withSample(was.gapMs, longestMs) }));
      return { value, tookMs: timers.now() - startedAt };
    } finally {
      callOffSilence();
      stopPeaks();
    }
  };
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
