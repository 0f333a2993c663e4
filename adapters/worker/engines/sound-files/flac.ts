// FLAC files. One that was streamed does not say how long it is; its last frame does, and the sum at the end of
// that frame also tells whether the file arrived whole.
import { ascii } from './wav.ts';

export interface FlacFile {
  readonly rate: number;
  readonly channels: number;
  readonly samples: number;
}

const INFO_AT = 8;
const INFO_BYTES = 34;
const RATE_AT_END = [12, 13, 14];
/** No frame of sound is longer than its samples stored plainly: 65,535 of 8 channels, 32 bits. */
const FRAME_BYTES_MAX = 65_535 * 8 * 4;

export function readFlac(file: Uint8Array): FlacFile | null {
  if (ascii(file, 0, 4) !== 'fLaC' || file.length < INFO_AT + INFO_BYTES) return null;
  const info = new DataView(file.buffer, file.byteOffset + INFO_AT, INFO_BYTES);
  const packed = info.getUint32(10);
  const rate = packed >>> 12;
  const channels = ((packed >>> 9) & 7) + 1;
  if (rate === 0) return null;
  const samples = endOfLastFrame(file, info.getUint16(0));
  return samples === null ? null : { rate, channels, samples };
}

/** One that was streamed gets the length that players look for, which is 36 bits in its head. */
export function withLength(file: Uint8Array, samples: number): Uint8Array {
  const whole = Uint8Array.from(file);
  const view = new DataView(whole.buffer, INFO_AT, INFO_BYTES);
  view.setUint8(13, (view.getUint8(13) & 0xf0) | (Math.floor(samples / 2 ** 32) & 15));
  view.setUint32(14, samples % 2 ** 32);
  return whole;
}

/** From the end backwards to what starts like a frame and whose sums are right. */
function endOfLastFrame(file: Uint8Array, blockSamples: number): number | null {
  const from = Math.max(INFO_AT + INFO_BYTES, file.length - FRAME_BYTES_MAX);
  for (let at = file.length - 8; at >= from; at -= 1) {
    if (file[at] !== 0xff || (file[at + 1]! & 0xfe) !== 0xf8) continue;
    const end = readFrameEnd(file, at, blockSamples);
    if (end !== null && crc16(file, at, file.length - 2) === (file.at(-2)! << 8) + file.at(-1)!)
      return end;
  }
  return null;
}

/** Samples of the whole file up to the end of this frame. */
function readFrameEnd(file: Uint8Array, start: number, blockSamples: number): number | null {
  const isVariable = (file[start + 1]! & 1) === 1;
  const sizeCode = file[start + 2]! >> 4;
  const rateCode = file[start + 2]! & 15;
  const number = readNumber(file, start + 4);
  if (number === null || sizeCode === 0 || rateCode === 15) return null;
  let { at } = number;
  let samples: number;
  if (sizeCode === 1) samples = 192;
  else if (sizeCode <= 5) samples = 576 << (sizeCode - 2);
  else if (sizeCode === 6) samples = file[at++]! + 1;
  else if (sizeCode === 7) samples = (file[at++]! << 8) + file[at++]! + 1;
  else samples = 256 << (sizeCode - 8);
  if (RATE_AT_END.includes(rateCode)) at += rateCode === 12 ? 1 : 2;
  if (crc8(file, start, at) !== file[at]) return null;
  return number.value * (isVariable ? 1 : blockSamples) + samples;
}

/** A number in the manner of UTF-8: the first byte says how many follow. */
function readNumber(file: Uint8Array, start: number): { value: number; at: number } | null {
  const first = file[start] ?? 0xff;
  if (first < 0x80) return { value: first, at: start + 1 };
  const length = Math.clz32(~(first << 24));
  if (length < 2 || length > 7) return null;
  let value = first & (0x7f >> length);
  for (let index = 1; index < length; index += 1) {
    const byte = file[start + index] ?? 0;
    if ((byte & 0xc0) !== 0x80) return null;
    value = value * 64 + (byte & 0x3f);
  }
  return { value, at: start + length };
}

const crc8 = (file: Uint8Array, from: number, to: number) => crc(file, from, to, 8, 0x07);
const crc16 = (file: Uint8Array, from: number, to: number) => crc(file, from, to, 16, 0x8005);

function crc(file: Uint8Array, from: number, to: number, bits: 8 | 16, polynomial: number): number {
  const top = 1 << (bits - 1);
  const mask = (1 << bits) - 1;
  let sum = 0;
  for (let at = from; at < to; at += 1) {
    sum ^= file[at]! << (bits - 8);
    for (let bit = 0; bit < 8; bit += 1)
      sum = (sum & top ? (sum << 1) ^ polynomial : sum << 1) & mask;
  }
  return sum;
}
