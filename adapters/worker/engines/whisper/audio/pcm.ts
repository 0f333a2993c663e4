// WAV files as people record them: PCM of 8 to 32 bits or floating point, any rate, any number of channels.
// Nothing is decoded before it is asked for: an hour of sound need not be in memory twice.
import { chunksOf } from '../../sound-files/wav.ts';

export interface Pcm {
  readonly rate: number;
  /** Samples of each channel. */
  readonly length: number;
  /** Samples from..to of all channels mixed into one, -1 to 1. */
  mono(from: number, to: number): Float32Array;
}

interface Format {
  readonly tag: number;
  readonly channels: number;
  readonly rate: number;
  readonly bits: number;
}

const PCM = 1;
const FLOAT = 3;
/** The real tag stands in the first bytes of a GUID further on. */
const EXTENSIBLE = 0xfffe;

/** Null when it is no WAV file, or one with compressed sound inside. */
export function openWav(file: Uint8Array): Pcm | null {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let format: Format | null = null;
  for (const { name, start, bytes } of chunksOf(file, ['RIFF', 'RF64'])) {
    if (name === 'fmt ') format = readFormat(view, start, bytes);
    // Writers of streams leave the length open, and a file may be cut short: what is there counts.
    if (name === 'data')
      return format && open(view, format, start, Math.min(start + bytes, file.byteLength));
  }
  return null;
}

function readFormat(view: DataView, at: number, size: number): Format | null {
  if (size < 16 || at + size > view.byteLength) return null;
  const given = view.getUint16(at, true);
  const tag = given === EXTENSIBLE && size >= 26 ? view.getUint16(at + 24, true) : given;
  const channels = view.getUint16(at + 2, true);
  const rate = view.getUint32(at + 4, true);
  const bits = view.getUint16(at + 14, true);
  const isKnown =
    (tag === PCM && [8, 16, 24, 32].includes(bits)) || (tag === FLOAT && [32, 64].includes(bits));
  const isSane = channels >= 1 && channels <= 64 && rate >= 1_000 && rate <= 768_000;
  return isKnown && isSane ? { tag, channels, rate, bits } : null;
}

function open(view: DataView, { tag, channels, rate, bits }: Format, start: number, end: number) {
  const width = bits / 8;
  const sample = readerOf(view, tag, bits);
  const length = Math.floor((end - start) / (width * channels));
  const mono = (from: number, to: number): Float32Array => {
    const mixed = new Float32Array(to - from);
    for (let index = 0; index < mixed.length; index += 1) {
      let at = start + (from + index) * channels * width;
      let sum = 0;
      for (let channel = 0; channel < channels; channel += 1, at += width) sum += sample(at);
      mixed[index] = sum / channels;
    }
    return mixed;
  };
  return { rate, length, mono };
}

function readerOf(view: DataView, tag: number, bits: number): (at: number) => number {
  if (tag === FLOAT)
    return bits === 32
      ? (at) => sane(view.getFloat32(at, true))
      : (at) => sane(view.getFloat64(at, true));
  if (bits === 8) return (at) => (view.getUint8(at) - 128) / 128;
  if (bits === 16) return (at) => view.getInt16(at, true) / 32_768;
  if (bits === 24)
    return (at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 65_536) / 8_388_608;
  return (at) => view.getInt32(at, true) / 2_147_483_648;
}

/** A damaged float may be anything; one NaN would spoil all that is computed from it. */
const sane = (value: number) => (value >= -1 ? Math.min(value, 1) : value < -1 ? -1 : 0);

/** Bare samples, as a converter delivers them: 16 bits, one channel. */
export const openSamples = (bytes: Uint8Array, rate: number): Pcm =>
  open(
    new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    { tag: PCM, channels: 1, rate, bits: 16 },
    0,
    bytes.byteLength,
  );
