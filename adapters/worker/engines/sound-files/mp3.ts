// MP3 files, frame by frame: no header tells how long one is, and bit rates may change on the way.
import { ascii } from './wav.ts';

export interface Mp3File {
  readonly rate: number;
  readonly channels: number;
  readonly samples: number;
  /** The frames with sound, without tags and without the frame of an index. */
  readonly frames: readonly Uint8Array[];
}

interface Frame {
  readonly bytes: number;
  readonly samples: number;
  readonly rate: number;
  readonly channels: number;
}

const KILOBITS_V1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const KILOBITS_V2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const RATES = [44_100, 48_000, 32_000];
const VERSION_1 = 3;
const VERSION_25 = 0;
const LAYER_3 = 1;
const TAG_HEAD_BYTES = 10;

export function readMp3(file: Uint8Array): Mp3File | null {
  const frames: Uint8Array[] = [];
  let first: Frame | null = null;
  let samples = 0;
  for (let at = soundStart(file); at + 4 <= file.length;) {
    const frame = readFrame(file, at);
    if (frame === null) {
      // Before the first frame: not an MP3 file. Later: tags, or damage that players skip as well.
      if (first === null) return null;
      at += 1;
      continue;
    }
    if (at + frame.bytes > file.length) break;
    const bytes = file.subarray(at, at + frame.bytes);
    at += frame.bytes;
    const isIndex = first === null && holdsIndex(bytes);
    first ??= frame;
    if (isIndex) continue;
    frames.push(bytes);
    samples += frame.samples;
  }
  if (first === null || samples === 0) return null;
  return { rate: first.rate, channels: first.channels, samples, frames };
}

/**
 * Frames in a row are an MP3 file. Each part brings the few hundredths of a second of silence that its encoder put
 * around it. Null where a part is no MP3 file or of another kind.
 */
export function joinMp3s(files: readonly Uint8Array[]): Uint8Array | null {
  const parts = files.map(readMp3);
  const [first] = parts;
  const fits = (part: Mp3File | null) =>
    part !== null && part.rate === first?.rate && part.channels === first.channels;
  if (!parts.every(fits)) return null;
  return Buffer.concat(parts.flatMap((part) => part!.frames));
}

/** Past an ID3v2 tag, whose size is written with seven bits to the byte. */
function soundStart(file: Uint8Array): number {
  if (ascii(file, 0, 3) !== 'ID3' || file.length < TAG_HEAD_BYTES) return 0;
  const bytes = file.subarray(6, 10).reduce((sum, byte) => sum * 128 + (byte & 127), 0);
  return TAG_HEAD_BYTES + bytes;
}

function readFrame(file: Uint8Array, at: number): Frame | null {
  const [a = 0, b = 0, c = 0, d = 0] = file.subarray(at, at + 4);
  if (a !== 0xff || (b & 0xe0) !== 0xe0) return null;
  const version = (b >> 3) & 3;
  const layer = (b >> 1) & 3;
  const kilobits = (version === VERSION_1 ? KILOBITS_V1 : KILOBITS_V2)[c >> 4];
  const rateOfV1 = RATES[(c >> 2) & 3];
  if (version === 1 || layer !== LAYER_3 || !kilobits || !rateOfV1) return null;
  const rate = version === VERSION_1 ? rateOfV1 : rateOfV1 / (version === VERSION_25 ? 4 : 2);
  const samples = version === VERSION_1 ? 1152 : 576;
  const bytes = Math.floor((samples / 8) * ((kilobits * 1000) / rate)) + ((c >> 1) & 1);
  return { bytes, samples, rate, channels: d >> 6 === 3 ? 1 : 2 };
}

/** The first frame of a file may hold an index instead of sound. */
const holdsIndex = (frame: Uint8Array): boolean =>
  /Xing|Info|VBRI/.test(ascii(frame, 0, Math.min(frame.length, 64)));
