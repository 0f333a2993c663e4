// Metadata blocks, then frames. Of the blocks only what a decoder needs is kept.
import { Damaged } from '../bad-file.ts';

const STREAM_INFO = 0;
const SEEK_TABLE = 3;

export function cleanFlac(bytes: Buffer): Buffer {
  const kept: Buffer[] = [];
  let at = 4;
  for (let isLast = false; !isLast;) {
    const head = bytes.readUInt8(at);
    const end = at + 4 + bytes.readUIntBE(at + 1, 3);
    const type = head & 0x7f;
    if (end > bytes.byteLength) throw new RangeError('cut off');
    if (type === STREAM_INFO || type === SEEK_TABLE)
      kept.push(Buffer.from(bytes.subarray(at, end)));
    isLast = (head & 0x80) !== 0;
    at = end;
  }
  const first = kept[0];
  const isSound = first && (first[0]! & 0x7f) === STREAM_INFO && first.byteLength === 38;
  const frame = at + 2 <= bytes.byteLength ? bytes.readUInt16BE(at) : 0;
  if (!isSound || (frame & 0xfffc) !== 0xfff8)
    throw new Damaged('The sound is damaged: its frames do not begin where they should.');
  kept.forEach((block, n) => (block[0] = (block[0]! & 0x7f) | (n === kept.length - 1 ? 0x80 : 0)));
  return Buffer.concat([bytes.subarray(0, 4), ...kept, bytes.subarray(at)]);
}
