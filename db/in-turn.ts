// A client of pg has one conversation: whoever asks while it is busy waits here, not inside the driver, which
// will refuse it.

/** @returns what runs one request after the other, in the order of asking, whether or not the last one failed */
export function inTurn(): <T>(ask: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (ask) => {
    const mine = last.then(ask, ask);
    last = mine.catch(() => undefined);
    return mine;
  };
}
