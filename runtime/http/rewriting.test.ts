import { expect, it } from 'vitest';
import { MODALITIES } from '../../machines/contract/models.ts';
import { chatMessages } from '../../machines/contract/requests.ts';
import { instructionFor, readRewritten } from './rewriting.ts';

it.each(MODALITIES)(
  'what is said before a prompt for %s is a conversation that jobs carry',
  (of) => {
    const said = instructionFor(of);
    expect(chatMessages.parse(said)).toEqual(said);
    expect(said[0]!.role).toBe('system');
  },
);

it.each([
  ['A grey heron.', 'A grey heron.'],
  ['  A grey\n heron.\n', 'A grey heron.'],
  ['"A grey heron."', 'A grey heron.'],
  ['“A grey heron.”', 'A grey heron.'],
  ['Prompt: A grey heron.', 'A grey heron.'],
  ["Here's the improved prompt: 'A grey heron.'", 'A grey heron.'],
  ['Here is a rewritten prompt for you:\n\nA grey heron.', 'A grey heron.'],
  // Words of the prompt itself.
  ['A sign that says "open"', 'A sign that says "open"'],
  ['Hero: a grey heron', 'Hero: a grey heron'],
])('of %j it takes %j', (answer, taken) => {
  expect(readRewritten(answer)).toBe(taken);
});

it.each(['', '  \n ', '""', 'Prompt:'])('of %j it takes nothing', (answer) => {
  expect(readRewritten(answer)).toBeNull();
});

it('cuts what never ends between two words', () => {
  const text = readRewritten('heron '.repeat(1_000))!;
  expect(text.length).toBeLessThanOrEqual(2_000);
  expect(text.endsWith('heron')).toBe(true);
});
