import { expect, it } from 'vitest';
import { Remembered } from './remembered.ts';

function start() {
  const asked: string[] = [];
  const clock = { now: 0 };
  const remembered = new Remembered(
    async (key) => {
      asked.push(key);
      return asked.length;
    },
    () => clock.now,
    5_000,
  );
  return { asked, clock, remembered };
}

it('asks once, and again when the time is over', async () => {
  const { asked, clock, remembered } = start();
  expect([await remembered.get('a'), await remembered.get('a')]).toEqual([1, 1]);
  clock.now = 4_999;
  expect(await remembered.get('a')).toBe(1);
  clock.now = 5_000;
  expect(await remembered.get('a')).toBe(2);
  expect(asked).toEqual(['a', 'a']);
});

it('asks again when told to forget', async () => {
  const { remembered } = start();
  await remembered.get('a');
  remembered.forget('a');
  expect(await remembered.get('a')).toBe(2);
});

it('counts the time from when it asked, not from the answer', async () => {
  const clock = { now: 0 };
  let answer = 'before';
  const slow = new Remembered(
    async () => {
      const found = answer;
      clock.now += 4_000;
      return found;
    },
    () => clock.now,
    5_000,
  );
  expect(await slow.get('a')).toBe('before');
  answer = 'after';
  clock.now = 5_000;
  expect(await slow.get('a')).toBe('after');
});

it('remembers ten thousand and lets the oldest go', async () => {
  const { asked, remembered } = start();
  for (let n = 0; n <= 10_000; n++) await remembered.get(String(n));
  await remembered.get('10000');
  expect(asked).toHaveLength(10_001);
  await remembered.get('0');
  expect(asked).toHaveLength(10_002);
});

it('does not remember a failure', async () => {
  let fails = true;
  const remembered = new Remembered(
    async () => {
      if (fails) throw new Error('gone');
      return 'found';
    },
    () => 0,
    5_000,
  );
  await expect(remembered.get('a')).rejects.toThrow('gone');
  fails = false;
  expect(await remembered.get('a')).toBe('found');
});
