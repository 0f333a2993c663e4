// Boxes within boxes. Those that tell where, when and by whom become empty space of the same size, because others say
// by their place in the file where the samples lie.
import { Damaged } from '../bad-file.ts';

const WITHIN = new Set(['moov', 'trak', 'moof', 'traf', 'edts', 'mdia', 'minf']);
const TELLING = new Set(['udta', 'meta', 'uuid', 'free', 'skip', 'wide', 'XMP_']);
/** Times of making and of changing. */
const DATED = new Set(['mvhd', 'tkhd', 'mdhd']);

export function cleanMp4(input: Buffer): Buffer {
  const bytes = Buffer.from(input);
  const seen = new Set<string>();
  walk(bytes, 0, bytes.byteLength, seen);
  if (!seen.has('ftyp') || !(seen.has('moov') || seen.has('moof')))
    throw new Damaged('The file is damaged: it does not say what is in it.');
  return bytes;
}

function walk(bytes: Buffer, from: number, to: number, seen: Set<string>): void {
  for (let at = from; at + 8 <= to;) {
    const told = bytes.readUInt32BE(at);
    const head = told === 1 ? 16 : 8;
    const size = told === 0 ? to - at : told === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : told;
    const end = at + size;
    if (size < head || end > to)
      throw new Damaged('The file is cut off or damaged: a part of it is longer than the whole.');
    const name = bytes.toString('latin1', at + 4, at + 8);
    seen.add(name);
    if (TELLING.has(name)) {
      bytes.write('free', at + 4, 'latin1');
      bytes.fill(0, at + head, end);
    } else if (DATED.has(name)) undate(bytes, at + head);
    else if (WITHIN.has(name)) walk(bytes, at + head, end, seen);
    at = end;
  }
}

/** Version 1 has times of eight bytes. */
function undate(bytes: Buffer, at: number): void {
  bytes.fill(0, at + 4, at + 4 + (bytes.readUInt8(at) === 1 ? 16 : 8));
}
