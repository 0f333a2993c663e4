// Files of known length, as recorders and encoders write them; and what only pretends to be one.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { secondsOf } from './recording-length.ts';

const engines = new URL('../adapters/worker/engines/', import.meta.url);
const sample = (name: string) => readFileSync(new URL(name, engines));

/** Bytes at their places, in a file of some size. */
function file(bytes: number, ...parts: [at: number, content: Buffer | string][]): Buffer {
  const made = Buffer.alloc(bytes);
  for (const [at, content] of parts) Buffer.from(content as string, 'latin1').copy(made, at);
  return made;
}
const uint32 = (...values: number[]) => {
  const made = Buffer.alloc(values.length * 4);
  values.forEach((value, n) => made.writeUInt32BE(value, n * 4));
  return made;
};
const cluster = (ms: number) =>
  Buffer.concat([Buffer.from('1f43b67501ffffffffffffffe784', 'hex'), uint32(ms)]);

describe('the length of a recording', () => {
  it.each<[string, string, Buffer, number]>([
    ['WAV', 'audio/wav', sample('whisper/media/two-second.wav'), 2],
    ['FLAC', 'audio/flac', sample('sound-files/samples/tone.flac'), 7.5],
    ['MP3', 'audio/mpeg', sample('whisper/media/speech.mp3'), 3.5],
    ['MP3 of changing rates', 'audio/mpeg', sample('sound-files/samples/vbr.mp3'), 3],
    ['Opus', 'audio/ogg', sample('sound-files/samples/tone.opus'), 3],
    [
      'MP4 whose header stands at the end',
      'audio/mp4',
      file(1_000_000, [900_000, 'mvhd'], [900_016, uint32(1000, 600_000)]),
      600,
    ],
    [
      'WebM from a browser, which leaves the length open',
      'video/webm',
      file(1_000_000, [100, cluster(0)], [900_000, cluster(595_000)]),
      595,
    ],
  ])('%s', (_, mediaType, bytes, seconds) => {
    expect(Math.abs(secondsOf(bytes, mediaType) - seconds)).toBeLessThan(0.1);
  });

  it.each<[string, string, Buffer]>([
    ['that its container does not tell', 'video/mp4', file(40_000, [100, 'mvhd'])],
    ['of a kind that nobody reads', 'audio/aac', Buffer.alloc(40_000)],
    [
      'that nobody could have put into so few bytes',
      'audio/mp4',
      file(40_000, [100, 'mvhd'], [116, uint32(1, 1_000_000)]),
    ],
  ])('%s is guessed by its size', (_, mediaType, bytes) => {
    expect(secondsOf(bytes, mediaType)).toBe(10);
  });

  it('is some number of seconds, whatever the bytes are', () => {
    const [kinds, marks] = [
      ['wav', 'flac', 'ogg', 'mp4', 'mpeg', 'webm'].map((kind) =>
        kind === 'webm' ? 'video/webm' : `audio/${kind}`,
      ),
      ['fmt ', 'OggS', 'mvhd', 'ID3', '\xff\xfb', '\x1f\x43\xb6\x75\xe7', 'Xing'],
    ];
    const damaged = fc
      .array(fc.oneof(fc.constantFrom(...marks), fc.string({ unit: 'binary', maxLength: 9 })))
      .map((parts) => Buffer.from(parts.join(''), 'latin1'));
    fc.assert(
      fc.property(fc.constantFrom(...kinds), damaged, (mediaType, bytes) => {
        const seconds = secondsOf(bytes, mediaType);
        expect(seconds >= 0 && seconds <= bytes.byteLength / 500).toBe(true);
      }),
    );
  });
});
