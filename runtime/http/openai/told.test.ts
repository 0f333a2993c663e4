import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Told } from './told.ts';

const heard = () => {
  const pieces: string[] = [];
  return { pieces, told: new Told((piece) => void pieces.push(piece)) };
};

it('tells each piece once, in order, whatever is lost, repeated or swapped on the way', () => {
  const pieces = fc.array(fc.string({ minLength: 1 }), { minLength: 1 });
  fc.assert(
    fc.property(pieces, fc.infiniteStream(fc.nat()), (whole, random) => {
      const { pieces, told } = heard();
      const way = [...whole.keys(), ...whole.keys()]
        .filter(() => random.next().value % 3 > 0)
        .map((index) => ({ index, at: index + (random.next().value % 3) }))
        .sort((a, b) => a.at - b.at);
      for (const { index } of way) told.add(index, whole[index]!);
      expect(told.end(whole.join(''))).toBe(true);
      expect(pieces.join('')).toBe(whole.join(''));
    }),
  );
});

it('tells at once what needs not wait', () => {
  const { pieces, told } = heard();
  told.add(0, 'a ');
  told.add(2, 'moon');
  expect(pieces).toEqual(['a ']);
  told.add(1, 'blue ');
  expect(pieces).toEqual(['a ', 'blue ', 'moon']);
});

it('says so when another attempt began another text', () => {
  const { pieces, told } = heard();
  told.add(0, 'a heron');
  told.add(0, 'the heron');
  told.add(1, ' flies');
  expect(told.end('the heron flies')).toBe(false);
  expect(pieces).toEqual(['a heron']);
});
