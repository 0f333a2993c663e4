// Is an output what it says it is? The bytes are opened by somebody who did not write them, or read
// field by field.
import sharp from 'sharp';
import type { EngineOutput } from '../../../machines/contract/engine.ts';

export interface Decoded {
  readonly width?: number;
  readonly height?: number;
  readonly seconds?: number;
  readonly frames?: number;
  readonly text?: string;
  /** Of sound: the loudest sample, 0 to 1. */
  readonly peak?: number;
}

export async function decode({ mediaType, bytes }: EngineOutput): Promise<Decoded> {
  switch (mediaType) {
    case 'image/png':
    case 'image/jpeg':
    case 'image/webp':
      return decodePicture(bytes, mediaType);
    case 'video/mp4':
      return decodeMp4(Buffer.from(bytes));
    case 'audio/flac':
      return decodeFlac(Buffer.from(bytes));
    case 'audio/wav':
      return decodeWav(Buffer.from(bytes));
    case 'application/json':
      return decodeTranscript(bytes);
    case 'application/x-subrip':
      return decodeCues(bytes, ',');
    case 'text/vtt':
      return decodeCues(bytes, '.');
    case 'text/plain':
      return { text: utf8(bytes) };
    default:
      throw new Error(`No decoder for ${mediaType}: add one here.`);
  }
}

async function decodePicture(bytes: Uint8Array, mediaType: string): Promise<Decoded> {
  const picture = sharp(bytes, { animated: true });
  const { format, width, height, pageHeight, pages = 1, delay = [] } = await picture.metadata();
  if (`image/${format}` !== mediaType) throw new Error(`It is ${format}, not ${mediaType}.`);
  // Decoding every pixel finds what a header hides.
  await picture.raw().toBuffer();
  const seconds = delay.reduce((sum, part) => sum + part, 0) / 1000;
  return { width, height: pageHeight ?? height, ...(pages > 1 && { seconds, frames: pages }) };
}

function decodeWav(file: Buffer): Decoded {
  const rate = file.readUInt32LE(24);
  const dataBytes = file.readUInt32LE(40);
  const isWav =
    file.toString('latin1', 0, 4) === 'RIFF' && file.toString('latin1', 8, 16) === 'WAVEfmt ';
  const isPcm = file.readUInt16LE(20) === 1 && file.readUInt16LE(34) === 16;
  if (!isWav || !isPcm) throw new Error('It is not 16-bit PCM in a WAV file.');
  if (file.readUInt32LE(4) + 8 !== file.length || dataBytes + 44 !== file.length) {
    throw new Error('The lengths in the header are not those of the file.');
  }
  let peak = 0;
  for (let at = 44; at < file.length; at += 2)
    peak = Math.max(peak, Math.abs(file.readInt16LE(at)) / 32_768);
  return { seconds: dataBytes / file.readUInt32LE(28), peak, ...(rate < 8000 && { peak: 0 }) };
}

function decodeTranscript(bytes: Uint8Array): Decoded {
  const { text } = JSON.parse(utf8(bytes)) as { text: unknown };
  if (typeof text !== 'string') throw new Error('It is no transcript: its text is missing.');
  return { text };
}

/** Cue by cue: times that go forwards, and words. */
function decodeCues(bytes: Uint8Array, point: ',' | '.'): Decoded {
  const blocks = utf8(bytes)
    .split('\n\n')
    .map((block) => block.trim())
    .filter((block) => block !== '' && block !== 'WEBVTT');
  const cues = blocks.map((block, index) => {
    const lines = block.split('\n');
    if (point === ',' && lines.shift() !== String(index + 1))
      throw new Error('A cue is not counted.');
    const [from = '', to = ''] = lines[0]!.split(' --> ');
    const isTime = (time: string) =>
      /^\d\d:[0-5]\d:[0-5]\d[,.]\d{3}$/.test(time) && time[8] === point;
    if (!isTime(from) || !isTime(to) || to < from) throw new Error(`No times: ${lines[0]}`);
    return lines.slice(1).join(' ');
  });
  return { text: cues.join(' ') };
}

const utf8 = (bytes: Uint8Array) => new TextDecoder('utf-8', { fatal: true }).decode(bytes);

/** Its head, and that a frame follows the last of its metadata. */
function decodeFlac(file: Buffer): Decoded {
  const rate = file.readUInt32BE(18) >>> 12;
  const samples = (file[21]! & 15) * 2 ** 32 + file.readUInt32BE(22);
  let at = 4;
  for (let isLast = false; !isLast; at += 4 + file.readUIntBE(at + 1, 3)) isLast = file[at]! > 127;
  const isFlac = file.toString('latin1', 0, 4) === 'fLaC' && file.readUInt16BE(at) >> 2 === 0x3ffe;
  if (!isFlac) throw new Error('It is not FLAC.');
  return { seconds: samples / rate };
}

/** The boxes of an MP4 that tell its size and length, and that its index comes first. */
function decodeMp4(file: Buffer): Decoded {
  const boxes = listBoxes(file, 0, file.length);
  const names = boxes.map(({ name }) => name);
  if (names.indexOf('moov') === -1 || names.indexOf('moov') > names.indexOf('mdat')) {
    throw new Error('The film cannot play while it loads: its index does not come first.');
  }
  const moov = boxes[names.indexOf('moov')]!;
  const inside = listBoxes(file, moov.start, moov.end);
  const header = inside.find(({ name }) => name === 'mvhd')!;
  const track = inside.find(({ name }) => name === 'trak')!;
  const trackHeader = listBoxes(file, track.start, track.end).find(({ name }) => name === 'tkhd')!;
  return {
    seconds: file.readUInt32BE(header.start + 16) / file.readUInt32BE(header.start + 12),
    width: file.readUInt32BE(trackHeader.end - 8) / 65_536,
    height: file.readUInt32BE(trackHeader.end - 4) / 65_536,
  };
}

function listBoxes(file: Buffer, from: number, to: number) {
  const boxes: { name: string; start: number; end: number }[] = [];
  for (let at = from; at + 8 <= to;) {
    const size = file.readUInt32BE(at);
    if (size < 8) throw new Error('A box of the film has no size.');
    boxes.push({ name: file.toString('latin1', at + 4, at + 8), start: at + 8, end: at + size });
    at += size;
  }
  return boxes;
}
