// One after the other: a Whisper server has one lock, and requests that wait at it hold its few threads.

export type Turnstile = <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>;

export function createTurnstile(): Turnstile {
  let last: Promise<unknown> = Promise.resolve();
  return (work, signal) => {
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    let isWorking = false;
    const turn = last.then(() => {
      signal?.throwIfAborted();
      isWorking = true;
      return work();
    });
    // Whoever gives up waiting does not come through, and the others keep their order.
    last = turn.catch(() => undefined);
    if (!signal) return turn;
    return new Promise((resolve, reject) => {
      // Once it works, the work itself obeys the signal, and is not left before it has ended.
      const leave = () => {
        if (!isWorking) reject(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      turn.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
    });
  };
}
