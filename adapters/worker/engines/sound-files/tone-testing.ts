// Sound for simulators: a tone as long as is asked, in the formats and with the very heads that servers send. The
// encoded ones are a recorded tone of three seconds; an MP3 is made longer or shorter by its frames.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readMp3 } from './mp3.ts';
import { readWav, writeWav, wrapPcm } from './wav.ts';

export type ToneFormat = 'wav' | 'pcm' | 'mp3' | 'flac' | 'opus' | 'aac';

const SAMPLES = join(import.meta.dirname, 'samples');
const sample = (name: string): Buffer => readFileSync(join(SAMPLES, name));
const LOUDNESS = 8000;
/** Voices do not begin at once. */
const BREATH_SAMPLES = 64;

/** Raw 16-bit samples of one channel. */
export function tonePcm(seconds: number, rate: number, hertz = 330): Buffer {
  const samples = new Int16Array(Math.max(0, Math.round(seconds * rate)));
  const step = (2 * Math.PI * hertz) / rate;
  for (let at = BREATH_SAMPLES; at < samples.length; at += 1)
    samples[at] = LOUDNESS * Math.sin(at * step);
  return Buffer.from(samples.buffer);
}

export const toneWav = (seconds: number, rate: number, hertz?: number): Buffer =>
  Buffer.from(wrapPcm(tonePcm(seconds, rate, hertz), rate));

/** As `ffmpeg` writes to a pipe: a note of itself between, and no sizes. Without samples: its 78 bytes. */
export function streamedWav(pcm: Uint8Array, rate: number): Buffer {
  const plain = Buffer.from(
    writeWav(readWav(wrapPcm(pcm, rate)) ?? { format: formatOf(rate), data: pcm }),
  );
  const note = Buffer.alloc(34);
  note.write('LIST', 0);
  note.writeUInt32LE(26, 4);
  note.write('INFOISFT', 8);
  note.writeUInt32LE(14, 16);
  note.write('Lavf62.3.100', 20);
  const file = Buffer.concat([plain.subarray(0, 36), note, plain.subarray(36)]);
  file.writeUInt32LE(0xffff_ffff, 4);
  file.writeUInt32LE(0xffff_ffff, 74);
  return file;
}

const formatOf = (rate: number) => wrapPcm(new Uint8Array(2), rate).subarray(20, 36);

/** The tag in front of what `ffmpeg` encodes, which is all that is left of an MP3 without sound. */
export const mp3Tag = (): Buffer => {
  const tag = Buffer.alloc(44);
  tag.write('ID3', 0);
  tag[3] = 4;
  tag[9] = 34;
  tag.write('TSSE', 10);
  tag[17] = 14;
  tag[20] = 3;
  tag.write('Lavf62.3.100', 21);
  return tag;
};

export function tone(format: ToneFormat, seconds: number, rate: number): Buffer {
  switch (format) {
    case 'pcm':
      return tonePcm(seconds, rate);
    case 'wav':
      return streamedWav(tonePcm(seconds, rate), rate);
    case 'mp3': {
      const { frames, samples, rate: ofFrames } = readMp3(sample('tone.mp3'))!;
      const count = Math.max(1, Math.round((seconds * ofFrames * frames.length) / samples));
      const repeated = Array.from({ length: count }, (_, index) => frames[index % frames.length]!);
      return Buffer.concat([mp3Tag(), ...repeated]);
    }
    case 'aac':
      return sample(`tone-${rate}.aac`);
    default:
      return sample(`tone.${format}`);
  }
}
