// One step of an engine (a load, a run) that may hang: it is over only when the engine has let go of it, was
// made to, or has gone down. Whoever waits for a step knows that nothing of it is left on the card.
import type { EngineFailure } from '../../../machines/contract/engine.ts';
import type { Timers } from '../seams.ts';

/** Between the wish to stop and force. */
export const LET_GO_WITHIN_MS = 10_000;
/** Where nobody can use force, an engine that never lets go must not hold the card for ever. */
const AT_LAST_MS = 60_000;

export interface StepOptions<T> {
  readonly timers: Timers;
  /** Of whoever asked for it. */
  readonly signal: AbortSignal;
  readonly work: (signal: AbortSignal) => Promise<T>;
  /** Makes the engine let go; null where nobody can. */
  readonly force: ((reason: string) => Promise<void>) | null;
}

export interface Step<T> {
  readonly done: Promise<T>;
  /** Interrupts it: it has hung. */
  stop(reason: EngineFailure): void;
  /** Its engine is gone: there is nothing to wait for. */
  drop(reason: EngineFailure): void;
}

export function takeStep<T>({ timers, signal, work, force }: StepOptions<T>): Step<T> {
  const stopping = new AbortController();
  const dropped = Promise.withResolvers<'dropped'>();
  const stuck = Promise.withResolvers<'stuck'>();
  let callOff = () => {};
  const atLast = () =>
    new Promise<void>((resolve) => {
      callOff = timers.after(AT_LAST_MS, resolve);
    });
  const pass = () => stopping.abort(signal.reason);
  stopping.signal.addEventListener('abort', () => {
    callOff = timers.after(LET_GO_WITHIN_MS, () => stuck.resolve('stuck'));
  });
  signal.addEventListener('abort', pass, { once: true });
  if (signal.aborted) pass();

  const follow = async (): Promise<T> => {
    const ended = Promise.resolve()
      .then(() => work(stopping.signal))
      .then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      );
    try {
      const first = await Promise.race([ended, dropped.promise, stuck.promise]);
      if (first === 'dropped') throw stopping.signal.reason;
      if (first === 'stuck') {
        if (force === null) await Promise.race([ended, dropped.promise, atLast()]);
        else await Promise.race([ended, force((stopping.signal.reason as Error).message)]);
        throw stopping.signal.reason;
      }
      // A result that came in spite of everything is a result.
      if ('value' in first) return first.value;
      throw stopping.signal.aborted ? stopping.signal.reason : first.error;
    } finally {
      callOff();
      signal.removeEventListener('abort', pass);
    }
  };
  return {
    done: follow(),
    stop: (reason) => stopping.abort(reason),
    drop: (reason) => {
      stopping.abort(reason);
      dropped.resolve('dropped');
    },
  };
}
