// Recordings for tests: tones with pauses, as WAV of every kind, and the files of real ones.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const media = (name: string): Buffer =>
  readFileSync(join(import.meta.dirname, 'media', name));

export interface TakeOptions {
  readonly rate?: number;
  readonly channels?: number;
  readonly encoding?: 'u8' | 's16' | 's24' | 's32' | 'f32' | 'f64';
  /** From..to in seconds where nothing is heard. */
  readonly pauses?: readonly (readonly [number, number])[];
  readonly hertz?: number;
  readonly level?: number;
}

const WIDTHS = { u8: 1, s16: 2, s24: 3, s32: 4, f32: 4, f64: 8 } as const;

export function take(seconds: number, options: TakeOptions = {}): Buffer {
  const { rate = 16_000, channels = 1, encoding = 's16', pauses = [] } = options;
  const { hertz = 440, level = 0.5 } = options;
  const width = WIDTHS[encoding];
  const length = Math.round(seconds * rate);
  const data = Buffer.alloc(length * channels * width);
  for (let index = 0; index < length; index += 1) {
    const at = index / rate;
    const isPause = pauses.some(([from, to]) => at >= from && at < to);
    const sample = isPause ? 0 : level * Math.sin(2 * Math.PI * hertz * at);
    for (let channel = 0; channel < channels; channel += 1)
      put(data, (index * channels + channel) * width, sample, encoding);
  }
  return wavFile(data, { rate, channels, bits: width * 8, tag: encoding.startsWith('f') ? 3 : 1 });
}

export interface WavHead {
  readonly rate: number;
  readonly channels: number;
  readonly bits: number;
  readonly tag: number;
}

export function wavFile(data: Buffer, { rate, channels, bits, tag }: WavHead): Buffer {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(36 + data.length, 4);
  head.write('WAVEfmt ', 8, 'latin1');
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(tag, 20);
  head.writeUInt16LE(channels, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE((rate * channels * bits) / 8, 28);
  head.writeUInt16LE((channels * bits) / 8, 32);
  head.writeUInt16LE(bits, 34);
  head.write('data', 36, 'latin1');
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}

function put(data: Buffer, at: number, sample: number, encoding: keyof typeof WIDTHS): void {
  const whole = (bits: number) => Math.round(sample * (2 ** (bits - 1) - 1));
  if (encoding === 'u8') data.writeUInt8(128 + whole(8), at);
  if (encoding === 's16') data.writeInt16LE(whole(16), at);
  if (encoding === 's24') data.writeIntLE(whole(24), at, 3);
  if (encoding === 's32') data.writeInt32LE(whole(32), at);
  if (encoding === 'f32') data.writeFloatLE(sample, at);
  if (encoding === 'f64') data.writeDoubleLE(sample, at);
}
