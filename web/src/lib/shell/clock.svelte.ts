// One ticking clock for everything that counts down. It runs only while somebody looks at it.
import { createSubscriber } from 'svelte/reactivity';

const TICK_MS = 1_000;

let now = Date.now();

const subscribe = createSubscriber((update) => {
  const timer = setInterval(() => {
    now = Date.now();
    update();
  }, TICK_MS);
  return () => clearInterval(timer);
});

/** Milliseconds since 1970, to the second; read inside an effect or a template it keeps up to date. */
export function currentTime(): number {
  subscribe();
  // The first reader after a pause must not see the time of the last one.
  if (Math.abs(Date.now() - now) > TICK_MS) now = Date.now();
  return now;
}
