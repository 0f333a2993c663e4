import { expect, test } from 'vitest';
import { readPrompt } from './words.ts';

test.each([
  ['a mountain lake at dawn', { motif: 'mountains', hour: 'dawn' }],
  ['Stormy OCEAN with a sailing ship', { motif: 'sea', hour: 'storm' }],
  ['cities at night', { motif: 'city', hour: 'night' }],
  ['an old forest in autumn', { motif: 'forest', season: 'autumn' }],
  ['the rings of Saturn', { motif: 'space', hour: 'night' }],
  ['poppies, watercolor', { motif: 'meadow', style: 'watercolour' }],
  ['café près du désert', { motif: 'desert' }],
])('%s', (prompt, expected) => expect(readPrompt(prompt, 1)).toMatchObject(expected));

test('finds things and colours, the first three', () => {
  const { things, colours } = readPrompt('red and gold balloons over a blue castle, violet sky', 1);
  expect([...things]).toEqual(expect.arrayContaining(['balloon', 'castle']));
  expect(colours).toHaveLength(3);
  expect(colours[0]![0]).toBeGreaterThan(colours[0]![2]);
});

test('words it does not know still move the composition, and so does the seed', () => {
  const seeds = [readPrompt('quux', 1), readPrompt('quuz', 1), readPrompt('quux', 2)].map(
    ({ seed }) => seed,
  );
  expect(new Set(seeds).size).toBe(3);
  expect(readPrompt('  QUUX! ', 1).seed).toBe(seeds[0]);
});

test.each(['', '🦊', '日本語の風景', 'constructor __proto__ toString'])(
  'any text is a prompt: %j',
  (prompt) => {
    expect(readPrompt(prompt, 1)).toMatchObject({ colours: [], style: undefined });
  },
);
