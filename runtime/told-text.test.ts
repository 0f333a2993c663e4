import { expect, test } from 'vitest';
import { HeardText, ToldText, type TextFrame } from './told-text.ts';

const piece = (index: number, text = `piece ${index}`, job_id = 'job_1'): TextFrame => ({
  ...{ type: 'text', job_id, index, text },
});
const indexes = (frames: readonly TextFrame[]) => frames.map(({ index }) => index);

test('what is told is kept, once, and told again from where it is missed', () => {
  const told = new ToldText();
  for (const index of [0, 1, 2, 1, 3]) told.add(piece(index));
  expect(indexes(told.from('job_1', 2))).toEqual([2, 3]);
  expect(told.from('job_2', 0)).toEqual([]);
});

test('the oldest texts are forgotten, not the one that is being told', () => {
  const told = new ToldText();
  told.add(piece(0, 'old', 'job_old'));
  for (let index = 0; index < 30_000; index++) told.add(piece(index));
  expect(told.from('job_old', 0)).toEqual([]);
  expect(told.from('job_1', 29_999)).toHaveLength(1);
  for (let n = 0; n < 2_000; n++) told.add(piece(0, 'x', `job_${n}`));
  expect(told.from('job_1999', 0)).toHaveLength(1);
  expect(told.from('job_2', 0)).toEqual([]);
});

test('pieces are passed on in order, each once, and a gap is named', () => {
  const heard = new HeardText();
  expect(heard.add(piece(0))).toEqual({ whole: [piece(0)], missing: null });
  expect(heard.add(piece(3))).toEqual({ whole: [], missing: 1 });
  expect(heard.add(piece(2))).toEqual({ whole: [], missing: 1 });
  expect(indexes(heard.add(piece(1)).whole)).toEqual([1, 2, 3]);
  expect(heard.add(piece(2))).toEqual({ whole: [], missing: null });
});

test('a gap that nobody can fill holds nothing up for ever', () => {
  const heard = new HeardText();
  heard.add(piece(5));
  heard.add(piece(4));
  expect(heard.giveUp('job_1', 3)).toEqual([]); // filled meanwhile, or another gap
  expect(indexes(heard.giveUp('job_1', 0))).toEqual([4, 5]);
  expect(indexes(heard.add(piece(6)).whole)).toEqual([6]);
});

test('another attempt begins another text', () => {
  const [told, heard] = [new ToldText(), new HeardText()];
  for (const frame of [piece(0), piece(1), piece(0, 'anew')]) {
    told.add(frame);
    heard.add(frame);
  }
  expect(told.from('job_1', 0)).toEqual([piece(0, 'anew')]);
  expect(heard.add(piece(1, 'and on')).whole).toEqual([piece(1, 'and on')]);
});
