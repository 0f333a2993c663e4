// What asks a command to stop: Ctrl-C, SIGTERM, a closed terminal, a parent that is gone.
type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';
const SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * One Ctrl-C arrives more than once: from the terminal, and again from every npm or launcher between it
 * and us that passes it on. Only a signal that comes later than this is a person's second one.
 */
const SAME_PRESS_MS = 700;

export interface StopHandlers {
  /** Asked to end in good order. Called once. */
  readonly stop: (reason: string) => void;
  /** Asked again by a person who does not want to wait. */
  readonly hurry: () => void;
}

export interface StopSource {
  on(event: StopSignal | 'disconnect', listener: () => void): unknown;
  off(event: StopSignal | 'disconnect', listener: () => void): unknown;
}

/** Answers a function that stops listening. */
export function onStopSignals(
  handlers: StopHandlers,
  source: StopSource = process,
  nowMs: () => number = () => performance.now(),
): () => void {
  let firstAt: number | null = null;
  const heard = (reason: string) => () => {
    if (firstAt === null) {
      firstAt = nowMs();
      handlers.stop(reason);
    } else if (reason !== 'disconnect' && nowMs() - firstAt > SAME_PRESS_MS) {
      handlers.hurry();
    }
  };
  const listeners = [...SIGNALS, 'disconnect' as const].map((event) => {
    const listener = heard(event);
    source.on(event, listener);
    return () => source.off(event, listener);
  });
  return () => listeners.forEach((remove) => remove());
}
