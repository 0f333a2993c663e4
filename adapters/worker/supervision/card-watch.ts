// Whether an engine still has its graphics card: looked after when something speaks of it, and now and then.
import { pause, type Log, type Timers } from '../seams.ts';
import { judgeCard, speaksOfLostCard } from './lost-card.ts';
import { wordsOf, type WatchedEngine } from './watched-engine.ts';
import type { EngineLog } from './engine-log.ts';
import type { Vessel } from './vessel.ts';

export interface CardWatchOptions {
  readonly name: string;
  readonly watched: WatchedEngine;
  readonly vessel: Vessel;
  readonly output: EngineLog;
  readonly log: Log;
  readonly timers: Timers;
  /** From where the engine is. */
  readonly seesCard: () => Promise<boolean | null>;
  readonly hostSeesCard: () => Promise<boolean | null>;
  readonly signal: AbortSignal;
}

const LOOK_EVERY_MS = 60_000;

/** Never resolves. @throws Error when only a new start can help, or the signal's reason */
export async function watchCard(options: CardWatchOptions): Promise<never> {
  const { name, watched, vessel, output, log, timers, signal } = options;
  let sign = Promise.withResolvers<void>();
  const listen = (words: string) => speaksOfLostCard(words) && sign.resolve();
  output.onLine(listen, signal);
  watched.onFailure((error) => listen(wordsOf(error)), signal);
  let isTold = false;
  for (;;) {
    const hasSign = await nextLook(sign.promise, timers, signal);
    if (hasSign) sign = Promise.withResolvers();
    if (!vessel.usesCard) continue;
    const [inside, host] = await Promise.all([options.seesCard(), options.hostSeesCard()]);
    const verdict = judgeCard({ inside, host, hasSign });
    if (verdict === 'lost') {
      // What runs may still end well: a card is lost to those who ask for it anew.
      await Promise.race([watched.whenIdle(), aborted(signal)]);
      throw new Error('it has lost the graphics card, which the machine still has');
    }
    if (verdict === 'goneFromHost' && !isTold) {
      log.error(
        { engine: name },
        'The driver of this machine reaches no graphics card. Restart the machine (under WSL2: ' +
          '`wsl --shutdown` in Windows); `tessera worker --check` says more.',
      );
    }
    isTold = verdict === 'goneFromHost';
  }
}

/** True when something spoke of it, false when it is just time. */
async function nextLook(
  sign: Promise<void>,
  timers: Timers,
  signal: AbortSignal,
): Promise<boolean> {
  const done = new AbortController();
  const waited = pause(timers, LOOK_EVERY_MS, AbortSignal.any([signal, done.signal]));
  try {
    return await Promise.race([sign.then(() => true), waited.then(() => false)]);
  } finally {
    done.abort();
  }
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
