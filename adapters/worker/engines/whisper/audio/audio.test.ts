import { describe, expect, test } from 'vitest';
import { media, take, wavFile } from '../recordings-testing.ts';
import { convert, hasFfmpeg } from './convert.ts';
import { kindOf } from './kinds.ts';
import { openWav } from './pcm.ts';
import { isSilent, piecesOf, wavOf } from './pieces.ts';
import { openRecording } from './recording.ts';
import { soundOf, WHISPER_RATE } from './resample.ts';

const never = new AbortController().signal;
const rms = (samples: Float32Array) =>
  Math.sqrt(samples.reduce((sum, sample) => sum + sample ** 2, 0) / samples.length);
/** How much of a tone is in there, 0 to 1. */
function strength(samples: Float32Array, hertz: number): number {
  let [real, imaginary] = [0, 0];
  for (const [index, sample] of samples.entries()) {
    const angle = (2 * Math.PI * hertz * index) / WHISPER_RATE;
    real += sample * Math.cos(angle);
    imaginary += sample * Math.sin(angle);
  }
  return (2 * Math.hypot(real, imaginary)) / samples.length;
}

describe('WAV', () => {
  test.each(['u8', 's16', 's24', 's32', 'f32', 'f64'] as const)(
    '%s is read as it was written',
    (encoding) => {
      const wav = openWav(take(0.25, { encoding, channels: 3, rate: 22_050 }))!;
      expect([wav.rate, wav.length]).toEqual([22_050, 5513]);
      const samples = wav.mono(0, wav.length);
      for (const at of [0, 13, 2000])
        expect(samples[at]).toBeCloseTo(0.5 * Math.sin((2 * Math.PI * 440 * at) / 22_050), 1.8);
    },
  );

  test('an extensible head, other chunks and an open or a false length are read', () => {
    const plain = take(0.5);
    const list = Buffer.concat([Buffer.from('LIST\x05\0\0\0hello\0')]);
    const extensible = Buffer.alloc(48);
    extensible.write('fmt ', 0);
    extensible.writeUInt32LE(40, 4);
    plain.copy(extensible, 8, 20, 36);
    extensible.writeUInt16LE(0xfffe, 8);
    extensible.writeUInt16LE(1, 8 + 24);
    const data = Buffer.from(plain.subarray(36));
    data.writeUInt32LE(0xffffffff, 4);
    const file = Buffer.concat([plain.subarray(0, 12), list, extensible, data]);
    expect(openWav(file)!.length).toBe(8000);
  });

  test('what is no PCM is left to others, and damage does no harm', () => {
    const head = { rate: 8000, channels: 1, bits: 4, tag: 2 };
    expect(openWav(wavFile(Buffer.alloc(100), head))).toBeNull();
    expect(
      openWav(wavFile(Buffer.alloc(100), { ...head, tag: 1, bits: 16, channels: 0 })),
    ).toBeNull();
    for (let length = 0; length < 60; length += 1) openWav(take(0.1).subarray(0, length));
    const wild = wavFile(Buffer.alloc(40, 0xff), { rate: 8000, channels: 1, bits: 32, tag: 3 });
    expect([...openWav(wild)!.mono(0, 10)].every(Number.isFinite)).toBe(true);
    expect(openWav(media('truncated.wav'))!.length).toBe(1478);
  });
});

describe('16 kHz', () => {
  test.each([8_000, 11_025, 22_050, 44_100, 44_101, 48_000, 96_000])(
    'from %i Hz, a tone stays a tone',
    (rate) => {
      const sound = soundOf(openWav(take(1, { rate, hertz: 1000 }))!);
      expect(sound.length).toBe(WHISPER_RATE);
      const samples = sound.read(0, sound.length);
      expect(strength(samples, 1000)).toBeCloseTo(0.5, 2);
      expect(rms(samples)).toBeCloseTo(0.5 / Math.SQRT2, 2);
    },
  );

  test('what is above 8 kHz does not come back as something lower', () => {
    const sound = soundOf(openWav(take(1, { rate: 48_000, hertz: 11_000 }))!);
    expect(rms(sound.read(0, sound.length))).toBeLessThan(0.01);
  });

  test('pieces are the whole, without seams', () => {
    const sound = soundOf(openWav(take(1, { rate: 44_100 }))!);
    const halves = [sound.read(0, 7001), sound.read(7001, sound.length)];
    const joined = Float32Array.from(halves.flatMap((half) => [...half]));
    expect(joined).toEqual(sound.read(0, sound.length));
  });
});

describe('pieces', () => {
  const lengths = { secondsMin: 2, secondsMax: 4 };
  const cuts = (wav: Buffer) => [...piecesOf(soundOf(openWav(wav)!), lengths)];

  test('are cut where it is quiet, and lose nothing', () => {
    const pauses = [
      [3, 3.6],
      [5.9, 6.5],
      [8.2, 8.8],
    ] as const;
    const wav = take(12, { pauses });
    const pieces = cuts(wav);
    const ends = pieces.map(({ from, samples }) => (from + samples.length) / WHISPER_RATE);
    for (const [index, [from, to]] of pauses.entries())
      expect(ends[index]! > from && ends[index]! < to).toBe(true);
    expect(ends.at(-1)).toBe(12);
    for (const [index, { from }] of pieces.entries())
      expect(from).toBe(index === 0 ? 0 : Math.round(ends[index - 1]! * WHISPER_RATE));
  });

  test('stay within their lengths when nobody pauses, and one piece stays one', () => {
    for (const { samples } of cuts(take(30)).slice(0, -1)) {
      expect(samples.length).toBeGreaterThanOrEqual(2 * WHISPER_RATE);
      expect(samples.length).toBeLessThanOrEqual(4 * WHISPER_RATE);
    }
    expect(cuts(take(3.9))).toHaveLength(1);
    expect(cuts(take(0))).toHaveLength(0);
  });

  test('are written as 16 kHz WAV that reads back', () => {
    const samples = soundOf(openWav(take(0.5))!).read(0, 8000);
    const wav = openWav(wavOf(samples))!;
    expect([wav.rate, wav.length]).toEqual([WHISPER_RATE, 8000]);
    expect(wav.mono(0, 8000)[100]).toBeCloseTo(samples[100]!, 3);
    expect([isSilent(samples), isSilent(new Float32Array(100).fill(0.0004))]).toEqual([
      false,
      true,
    ]);
  });
});

describe('kinds', () => {
  test('are known by their first bytes', () => {
    const names = ['two-second.wav', 'speech.mp3'].map((name) => kindOf(media(name))?.name);
    expect(names).toEqual(['WAV', 'MP3']);
    expect(kindOf(Buffer.from('\0\0\0\x20ftypM4A '))?.name).toBe('MP4');
    expect(kindOf(Buffer.from([0xff, 0xf1, 0x50, 0x80]))?.name).toBe('AAC');
    expect(kindOf(Buffer.from([0xff, 0xfb, 0x90, 0x00]))?.name).toBe('MP3');
  });

  test.each([
    '#EXTM3U\nfile:///etc/passwd',
    'ffconcat version 1.0',
    '<svg/>',
    '',
    '\xff\xff\xff\xff',
    '[playlist]',
  ])('refuses %j: no playlist, no script, no noise', async (text) => {
    const file = Buffer.from(text, 'latin1');
    const opened = openRecording(file, { secondsMax: 10, hasFfmpeg: true }, never);
    await expect(opened).rejects.toMatchObject({ code: 'invalidInput' });
  });
});

test('too long is too long, and what cannot be read here stays a file', async () => {
  const limits = { secondsMax: 2, hasFfmpeg: false };
  await expect(openRecording(take(2.1), limits, never)).rejects.toMatchObject({
    code: 'invalidInput',
  });
  expect(await openRecording(media('speech.mp3'), limits, never)).toMatchObject({ type: 'file' });
  expect(await openRecording(take(2), limits, never)).toMatchObject({ type: 'sound', seconds: 2 });
});

// Where ffmpeg is installed; elsewhere such files go to the server as they are.
if (await hasFfmpeg())
  describe('ffmpeg', () => {
    test('decodes, stops at the limit, and tells damage', async () => {
      const mp3 = kindOf(media('speech.mp3'))!;
      const pcm = await convert(media('speech.mp3'), mp3, 60, never);
      expect(pcm.length / pcm.rate).toBeCloseTo(3.5, 0);
      expect((await convert(media('speech.mp3'), mp3, 1, never)).length).toBe(2 * WHISPER_RATE);
      const damaged = convert(
        Buffer.from('fLaC, it says'),
        kindOf(Buffer.from('fLaC'))!,
        60,
        never,
      );
      await expect(damaged).rejects.toMatchObject({ code: 'invalidInput' });
    });
  });
