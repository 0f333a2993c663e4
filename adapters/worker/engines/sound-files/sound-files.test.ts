import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { acceptSound } from './accept.ts';
import { joinMp3s, readMp3 } from './mp3.ts';
import { probeSound } from './probe.ts';
import { mp3Tag, streamedWav, tone, tonePcm, toneWav } from './tone-testing.ts';
import { joinWavs, readWav, wrapPcm, writeWav } from './wav.ts';

const sample = (name: string) => readFileSync(join(import.meta.dirname, 'samples', name));
const expected = { format: 'wav', secondsMin: 0, secondsMax: 60 } as const;

describe('a probe', () => {
  it.each([
    ['tone.mp3', { format: 'mp3', rate: 24_000, channels: 1 }],
    ['vbr.mp3', { format: 'mp3', rate: 24_000, channels: 1 }],
    ['tone.flac', { format: 'flac', rate: 24_000, channels: 1 }],
    ['tone.opus', { format: 'opus', rate: 48_000, channels: 1 }],
  ])('reads %s, a tone of three seconds written to a pipe', (name, facts) => {
    const probed = probeSound(sample(name));
    expect(probed).toMatchObject(facts);
    expect(probed!.seconds).toBeCloseTo(3, 1);
  });

  it('measures a WAV file whatever sizes it claims', () => {
    const file = toneWav(0.5, 16_000);
    for (const size of [0xffff_ffff, 0x7fff_f000, 0]) {
      file.writeUInt32LE(size, 4);
      file.writeUInt32LE(size, 40);
      expect(probeSound(file)).toMatchObject({ format: 'wav', seconds: 0.5, rate: 16_000 });
    }
  });

  it('finds nothing in heads without sound, in text, and in what lost its end', () => {
    const flac = sample('tone.flac');
    const nothing = [
      Buffer.alloc(0),
      Buffer.from('<html><body>Welcome</body></html>'),
      Buffer.from('RIFF'),
      Buffer.from([0xff, 0xfb]),
      mp3Tag(),
      streamedWav(Buffer.alloc(0), 22_050),
      flac.subarray(0, flac.length - 100),
      sample('tone.opus').subarray(0, 60),
      sample('tone-24000.aac'),
    ];
    expect(nothing.map(probeSound)).toEqual(nothing.map(() => null));
  });

  it('survives any damage', () => {
    for (const name of ['tone.mp3', 'tone.flac', 'tone.opus']) {
      const file = sample(name).subarray(0, 2000);
      for (let at = 0; at < file.length; at += 7) {
        const damaged = Buffer.from(file);
        damaged[at] = damaged[at]! ^ 0xff;
        const probed = probeSound(damaged);
        expect(probed === null || Number.isFinite(probed.seconds)).toBe(true);
      }
    }
  });
});

describe('WAV files', () => {
  it('are joined to the sample, and only with their own kind', () => {
    const [first, second] = [tonePcm(0.2, 8000), tonePcm(0.1, 8000, 440)];
    const joined = joinWavs([streamedWav(first, 8000), wrapPcm(second, 8000)])!;
    expect(Buffer.from(readWav(joined)!.data)).toEqual(Buffer.concat([first, second]));
    expect(joined.length).toBe(44 + first.length + second.length);
    expect(joinWavs([toneWav(0.1, 8000), toneWav(0.1, 16_000)])).toBeNull();
  });

  it('lose half a sample, and keep an odd number of bytes in step', () => {
    expect(readWav(wrapPcm(Buffer.from([1, 2, 3]), 8000))!.data.length).toBe(2);
    const format = wrapPcm(Buffer.alloc(2), 8000).slice(20, 36);
    format[12] = 1;
    const file = writeWav({ format, data: Buffer.from([1, 2, 3]) });
    expect(file.length % 2).toBe(0);
    expect(readWav(file)!.data).toEqual(new Uint8Array([1, 2, 3]));
  });
});

describe('MP3 files', () => {
  it('are joined by their frames, without tags and indexes', () => {
    const files = [tone('mp3', 1, 0), tone('mp3', 2, 0)];
    const joined = joinMp3s(files)!;
    const frames = files.map((file) => readMp3(file)!.frames.length);
    expect(readMp3(joined)!.frames).toHaveLength(frames[0]! + frames[1]!);
    expect(joined[0]).toBe(0xff);
    expect(joinMp3s([files[0]!, sample('tone.flac')])).toBeNull();
  });

  it('are counted without the frame that holds an index', () => {
    const file = sample('vbr.mp3');
    expect(file.includes('Info') || file.includes('Xing')).toBe(true);
    expect(readMp3(file)!.samples / 576).toBe(127);
  });
});

describe('an answer', () => {
  it('comes through with its sizes put right', () => {
    const { bytes, facts } = acceptSound(streamedWav(tonePcm(0.5, 24_000), 24_000), expected);
    expect(new DataView(bytes.buffer).getUint32(4, true)).toBe(bytes.length - 8);
    expect(new DataView(bytes.buffer).getUint32(40, true)).toBe(bytes.length - 44);
    expect(facts.seconds).toBe(0.5);
  });

  it('says its length in a FLAC head that was written before it was known', () => {
    const file = sample('tone.flac');
    const lengthOf = (bytes: Uint8Array) => Buffer.from(bytes).readUIntBE(21, 5) % 2 ** 36;
    expect(lengthOf(file)).toBe(0);
    const { bytes } = acceptSound(file, { ...expected, format: 'flac' });
    expect(lengthOf(bytes)).toBe(3 * 24_000);
    expect(probeSound(bytes)).toEqual(probeSound(file));
  });

  it.each([
    ['nothing', Buffer.alloc(0), 'outputMissing'],
    ['a head alone', streamedWav(Buffer.alloc(0), 8000), 'outputInvalid'],
    ['a moment', toneWav(0.05, 8000), 'outputInvalid'],
    ['silence', wrapPcm(Buffer.alloc(16_000), 8000), 'outputInvalid'],
    ['another format', tone('mp3', 1, 0), 'outputInvalid'],
    ['noise without end', toneWav(61, 8000), 'outputInvalid'],
  ])('is refused where it is %s', (_name, bytes, code) => {
    expect(() => acceptSound(bytes, expected)).toThrow(expect.objectContaining({ code }));
  });
});
