// Opus in Ogg pages: the head tells the channels, the last page at which sample it ends (48,000 to the second,
// whatever was recorded).
import { ascii } from './wav.ts';

export interface OpusFile {
  readonly rate: number;
  readonly channels: number;
  readonly samples: number;
}

const RATE = 48_000;
const PAGE_HEAD_BYTES = 27;
/** A page on which no packet ends has no position. */
const NOWHERE = -1n;

export function readOpus(file: Uint8Array): OpusFile | null {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let channels = 0;
  let skipped = 0;
  let end = 0n;
  for (let at = 0; at + PAGE_HEAD_BYTES <= file.length;) {
    if (ascii(file, at, at + 4) !== 'OggS') return null;
    const segments = file[at + 26]!;
    const bodyAt = at + PAGE_HEAD_BYTES + segments;
    const bytes = file.subarray(at + PAGE_HEAD_BYTES, bodyAt).reduce((sum, each) => sum + each, 0);
    if (bodyAt + bytes > file.length) break;
    if (at === 0) {
      if (ascii(file, bodyAt, bodyAt + 8) !== 'OpusHead' || bytes < 19) return null;
      channels = file[bodyAt + 9]!;
      skipped = view.getUint16(bodyAt + 10, true);
    }
    const position = view.getBigInt64(at + 6, true);
    if (position !== NOWHERE) end = position;
    at = bodyAt + bytes;
  }
  const samples = Number(end) - skipped;
  return channels > 0 && samples > 0 ? { rate: RATE, channels, samples } : null;
}
