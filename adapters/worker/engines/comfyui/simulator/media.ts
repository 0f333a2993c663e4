// Results as a real server would write them: small, and true to their format, so that a decoder opens them.
import { createHash } from 'node:crypto';
import sharp from 'sharp';
import type { Matter } from './nodes.ts';

export async function picture(matter: Matter, seed: string, format: 'png' | 'jpeg' = 'png') {
  const [r = 0, g = 0, b = 0] = createHash('sha256').update(seed).digest();
  const { width = 64, height = 64 } = matter;
  const plain = sharp({ create: { width, height, channels: 3, background: { r, g, b } } });
  return format === 'png' ? plain.png().toBuffer() : plain.jpeg().toBuffer();
}

const u32 = (...values: number[]) => {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32BE(value >>> 0, index * 4));
  return bytes;
};
const u16 = (...values: number[]) => Buffer.from(values.flatMap((each) => [each >> 8, each & 255]));
const box = (name: string, ...parts: Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([u32(body.length + 8), Buffer.from(name, 'latin1'), body]);
};
const MATRIX = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);
const zeros = (count: number) => Buffer.alloc(count);

/** Motion JPEG in MP4: every frame is the same picture. */
export async function film(matter: Matter, seed: string): Promise<Buffer> {
  const { width = 64, height = 64, frames = 1, fps = 24 } = matter;
  const frame = await picture(matter, seed, 'jpeg');
  const scale = Math.round(fps * 1000);
  const duration = frames * 1000;
  const head = box('ftyp', Buffer.from('isom\0\0\x02\0isomiso2mp41', 'latin1'));
  const moovAt = (dataAt: number) => {
    const entry = box(
      'jpeg',
      ...[zeros(6), u16(1), zeros(16), u16(width, height), u32(0x480000, 0x480000, 0), u16(1)],
      ...[zeros(32), u16(24, 0xffff)],
    );
    const tables = box(
      'stbl',
      box('stsd', u32(0, 1), entry),
      box('stts', u32(0, 1, frames, 1000)),
      box('stsc', u32(0, 1, 1, frames, 1)),
      box('stsz', u32(0, frame.length, frames)),
      box('stco', u32(0, 1, dataAt)),
    );
    const media = box(
      'mdia',
      box('mdhd', u32(0, 0, 0, scale, duration), u16(0x55c4, 0)),
      box('hdlr', u32(0, 0), Buffer.from('vide'), zeros(13)),
      box('minf', box('vmhd', u32(1), zeros(8)), reference(), tables),
    );
    const track = box(
      'tkhd',
      ...[u32(3, 0, 0, 1, 0, duration), zeros(16), MATRIX, u32(width * 65_536, height * 65_536)],
    );
    const movie = box(
      'mvhd',
      ...[u32(0, 0, 0, scale, duration, 0x10000), u16(0x100), zeros(10), MATRIX, zeros(24), u32(2)],
    );
    return box('moov', movie, box('trak', track, media));
  };
  const moov = moovAt(head.length + moovAt(0).length + 8);
  return Buffer.concat([head, moov, box('mdat', ...Array<Buffer>(frames).fill(frame))]);
}

const reference = () => box('dinf', box('dref', u32(0, 1), box('url ', u32(1))));

const RATE = 44_100;
const BLOCK = 4096;

/** Silence in FLAC: frames of one value each. */
export function flac(seconds: number): Buffer {
  const samples = Math.max(1, Math.round(seconds * RATE));
  const info = Buffer.alloc(34);
  info.writeUInt16BE(BLOCK, 0);
  info.writeUInt16BE(BLOCK, 2);
  // 20 bits of rate, 3 of channels - 1, 5 of bits - 1, 36 of samples.
  info.writeUInt32BE(((RATE << 12) | (15 << 4) | Math.floor(samples / 2 ** 32)) >>> 0, 10);
  info.writeUInt32BE(samples >>> 0, 14);
  const frames: Buffer[] = [];
  for (let index = 0; index * BLOCK < samples; index++) {
    const size = Math.min(BLOCK, samples - index * BLOCK);
    const head = Buffer.from([
      0xff,
      0xf8,
      0x79,
      0x08,
      ...utf8(index),
      (size - 1) >> 8,
      (size - 1) & 255,
    ]);
    const body = Buffer.from([...head, crc(head, 0x07, 8), 0x00, 0x00, 0x00]);
    frames.push(Buffer.concat([body, u16(crc(body, 0x8005, 16))]));
  }
  return Buffer.concat([Buffer.from('fLaC'), Buffer.from([0x80, 0, 0, 34]), info, ...frames]);
}

const utf8 = (value: number) => [...Buffer.from(String.fromCodePoint(value))];

function crc(bytes: Uint8Array, polynomial: number, bits: number): number {
  const top = 2 ** (bits - 1);
  let rest = 0;
  for (const byte of bytes) {
    rest ^= byte << (bits - 8);
    for (let bit = 0; bit < 8; bit++)
      rest = ((rest & top ? (rest << 1) ^ polynomial : rest << 1) & (2 ** bits - 1)) >>> 0;
  }
  return rest;
}

/** Silence in MP3: frames of 128 kbit/s whose data is nought. */
export function mp3(seconds: number): Buffer {
  const frame = Buffer.concat([Buffer.from([0xff, 0xfb, 0x90, 0x64]), zeros(413)]);
  const count = Math.max(1, Math.round((seconds * RATE) / 1152));
  const tag = Buffer.from([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([tag, ...Array<Buffer>(count).fill(frame)]);
}
