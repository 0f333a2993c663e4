import { expect, it } from 'vitest';
import { rawFrom } from './raw-sound.ts';

function wav(rate: number, channels: number, samples: readonly number[], kind: 1 | 3 = 1): Buffer {
  const bytes = kind === 1 ? 2 : 4;
  const data = Buffer.alloc(samples.length * bytes);
  for (const [n, sample] of samples.entries())
    if (kind === 1) data.writeInt16LE(sample, n * bytes);
    else data.writeFloatLE(sample, n * bytes);
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + data.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(kind, 20);
  head.writeUInt16LE(channels, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * channels * bytes, 28);
  head.writeUInt16LE(channels * bytes, 32);
  head.writeUInt16LE(bytes * 8, 34);
  head.write('data', 36);
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}
const samplesOf = (raw: Buffer | null) =>
  Array.from({ length: raw!.length / 2 }, (_, n) => raw!.readInt16LE(n * 2));

it('keeps what has the rate already', () => {
  const samples = [0, 1000, -1000, 32767, -32768];
  const kept = samplesOf(rawFrom(wav(24_000, 1, samples)));
  for (const [n, sample] of samples.entries()) expect(Math.abs(kept[n]! - sample)).toBeLessThan(2);
});

it('fills up what has fewer, and thins out what has more', () => {
  expect(samplesOf(rawFrom(wav(12_000, 1, [0, 2000, 4000])))).toEqual(
    [0, 1000, 2000, 3000, 4000, 4000].map((sample) => expect.closeTo(sample, -1) as number),
  );
  expect(rawFrom(wav(48_000, 1, Array<number>(480).fill(7)))).toHaveLength(480);
});

it('mixes channels, and reads floats', () => {
  expect(samplesOf(rawFrom(wav(24_000, 2, [1000, 3000])))).toEqual([2000]);
  expect(samplesOf(rawFrom(wav(24_000, 1, [0.5, -1], 3)))).toEqual([16384, -32767]);
});

it.each([
  ['nothing', Buffer.alloc(0)],
  ['another file', Buffer.from('OggS and more than forty-four bytes of something else')],
  ['a wav of no sound', wav(24_000, 1, [])],
  ['a wav that ends in its head', wav(24_000, 1, [1]).subarray(0, 30)],
])('is not made from %s', (_name, file) => {
  expect(rawFrom(file)).toBeNull();
});
