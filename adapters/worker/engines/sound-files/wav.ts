// WAV files as servers really send them. Writers that cannot go back leave 0xFFFFFFFF, 0x7FFFF000 or 0 where the
// sizes belong, and players that believe them break: so sizes are measured, and written anew.

export interface WavFile {
  /** The `fmt ` chunk as it came: what the samples are. Files are joined only when these are equal. */
  readonly format: Uint8Array;
  readonly rate: number;
  readonly channels: number;
  /** Of one moment on all channels. */
  readonly frameBytes: number;
  readonly data: Uint8Array;
}

const RIFF_HEAD_BYTES = 12;
const CHUNK_HEAD_BYTES = 8;
const PLAIN_FORMAT_BYTES = 16;

/** Null where this is no WAV file with samples that can be counted. */
export function readWav(file: Uint8Array): WavFile | null {
  let format: Uint8Array | null = null;
  for (const { name, start, bytes } of chunksOf(file)) {
    if (name === 'fmt ') format = file.subarray(start, start + bytes);
    // A size of 0 before more bytes was never filled in; what follows is sound.
    if (name === 'data')
      return withData(format, file.subarray(start, bytes ? start + bytes : undefined));
  }
  return null;
}

export interface Chunk {
  readonly name: string;
  readonly start: number;
  /** As the file says: it may be cut short, or its writer may not have known. */
  readonly bytes: number;
}

/** None where this is no WAV file. */
export function* chunksOf(file: Uint8Array, kinds: readonly string[] = ['RIFF']): Generator<Chunk> {
  if (!kinds.includes(ascii(file, 0, 4)) || ascii(file, 8, 12) !== 'WAVE') return;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  for (let at = RIFF_HEAD_BYTES; at + CHUNK_HEAD_BYTES <= file.length;) {
    const bytes = view.getUint32(at + 4, true);
    const start = at + CHUNK_HEAD_BYTES;
    yield { name: ascii(file, at, at + 4), start, bytes };
    at = start + bytes + (bytes % 2);
  }
}

function withData(format: Uint8Array | null, rest: Uint8Array): WavFile | null {
  if (format === null || format.length < PLAIN_FORMAT_BYTES) return null;
  const view = new DataView(format.buffer, format.byteOffset, format.byteLength);
  const channels = view.getUint16(2, true);
  const rate = view.getUint32(4, true);
  const frameBytes = view.getUint16(12, true);
  if (channels === 0 || rate === 0 || frameBytes === 0) return null;
  const data = rest.subarray(0, rest.length - (rest.length % frameBytes));
  return { format, rate, channels, frameBytes, data };
}

export function writeWav({ format, data }: Pick<WavFile, 'format' | 'data'>): Uint8Array {
  const dataAt = RIFF_HEAD_BYTES + CHUNK_HEAD_BYTES + format.length + CHUNK_HEAD_BYTES;
  const padded = data.length + (data.length % 2);
  const file = new Uint8Array(dataAt + padded);
  const view = new DataView(file.buffer);
  const head = (at: number, name: string, bytes: number) => {
    file.set(new TextEncoder().encode(name), at);
    view.setUint32(at + 4, bytes, true);
  };
  head(0, 'RIFF', file.length - CHUNK_HEAD_BYTES);
  file.set(new TextEncoder().encode('WAVE'), 8);
  head(RIFF_HEAD_BYTES, 'fmt ', format.length);
  file.set(format, RIFF_HEAD_BYTES + CHUNK_HEAD_BYTES);
  head(dataAt - CHUNK_HEAD_BYTES, 'data', data.length);
  file.set(data, dataAt);
  return file;
}

/** Raw 16-bit little-endian samples, which is what `pcm` means everywhere, with a header that says so. */
export function wrapPcm(samples: Uint8Array, rate: number, channels = 1): Uint8Array {
  const format = new Uint8Array(PLAIN_FORMAT_BYTES);
  const view = new DataView(format.buffer);
  const frameBytes = channels * 2;
  view.setUint16(0, 1, true);
  view.setUint16(2, channels, true);
  view.setUint32(4, rate, true);
  view.setUint32(8, rate * frameBytes, true);
  view.setUint16(12, frameBytes, true);
  view.setUint16(14, 16, true);
  return writeWav({
    format,
    data: samples.subarray(0, samples.length - (samples.length % frameBytes)),
  });
}

/** One file with the samples of all, none added and none lost. Null where they are not of one kind. */
export function joinWavs(files: readonly Uint8Array[]): Uint8Array | null {
  const parts = files.map(readWav);
  const [first] = parts;
  if (!first || !parts.every((part) => part && isEqual(part.format, first.format))) return null;
  return writeWav({ format: first.format, data: Buffer.concat(parts.map((part) => part!.data)) });
}

/** Not one sample differs from zero: a server that answered without having spoken. */
export const isSilent = ({ data }: WavFile): boolean => !data.some((byte) => byte !== 0);

const isEqual = (a: Uint8Array, b: Uint8Array) => Buffer.from(a).equals(Buffer.from(b));

export const ascii = (file: Uint8Array, from: number, to: number): string =>
  String.fromCharCode(...file.subarray(from, to));
