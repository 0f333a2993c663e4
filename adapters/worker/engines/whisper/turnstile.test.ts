import { expect, test } from 'vitest';
import { createTurnstile } from './turnstile.ts';

test('one after the other, whatever becomes of each; who gives up waiting is not served', async () => {
  const inTurn = createTurnstile();
  const seen: string[] = [];
  const door = Promise.withResolvers<void>();
  const first = inTurn(async () => {
    seen.push('first');
    await door.promise;
    throw new Error('broken');
  });
  const stop = new AbortController();
  const second = inTurn(async () => void seen.push('second'), stop.signal);
  const third = inTurn(async () => void seen.push('third'), new AbortController().signal);
  stop.abort(new Error('no longer wanted'));
  await expect(second).rejects.toThrow('no longer wanted');
  expect(seen).toEqual(['first']);
  door.resolve();
  await expect(first).rejects.toThrow('broken');
  await third;
  expect(seen).toEqual(['first', 'third']);
  await expect(inTurn(async () => {}, stop.signal)).rejects.toThrow('no longer wanted');
});
