// EBML elements. Tags, attachments, titles and dates become void elements of the same size, because cues say by their
// place in the file where things lie.
import { Damaged } from '../bad-file.ts';

const SEGMENT = 0x18538067;
const CLUSTER = 0x1f43b675;
const INFO = 0x1549a966;
const EBML = 0x1a45dfa3;
const VOID = 0xec;
/** Elements that are gone through: what is within them follows as if it stood beside them. */
const WITHIN = new Set([SEGMENT, CLUSTER, INFO]);
/** Tags, Attachments; Title, DateUTC, SegmentFilename, PrevFilename, NextFilename; and what was void before. */
const TELLING = new Set([0x1254c367, 0x1941a469, 0x7ba9, 0x4461, 0x7384, 0x3c83ab, 0x3e83bb, VOID]);
/** Sizes that are not known yet, by the length of the field. */
const isOpen = (value: number, length: number): boolean => value === 2 ** (7 * length) - 1;

export function cleanMatroska(input: Buffer): Buffer {
  const bytes = Buffer.from(input);
  let isFilm = false;
  for (let at = 0; at < bytes.byteLength;) {
    const idLength = Math.clz32(bytes.readUInt8(at)) - 23;
    if (idLength > 4) throw new Damaged('The file is damaged: a part of it has no name.');
    const id = bytes.readUIntBE(at, idLength);
    const sizeAt = at + idLength;
    const sizeLength = Math.clz32(bytes.readUInt8(sizeAt)) - 23;
    if (sizeLength > 8) throw new Damaged('The file is damaged: a part of it has no size.');
    const size = sizeOf(bytes, sizeAt, sizeLength);
    const content = sizeAt + sizeLength;
    if (id === EBML && at > 0) throw new Damaged('There is a second file in the file.');
    isFilm ||= id === SEGMENT;
    if (WITHIN.has(id)) {
      at = content;
      continue;
    }
    if (isOpen(size, sizeLength) || content + size > bytes.byteLength)
      throw new Damaged('The file is cut off or damaged: a part of it is longer than the whole.');
    if (TELLING.has(id)) empty(bytes, at, content + size);
    at = content + size;
  }
  if (!isFilm) throw new Damaged('The file is damaged: there is nothing in it.');
  return bytes;
}

/** The first byte's leading zeros say how long the field is; the one after them is not part of the number. */
function sizeOf(bytes: Buffer, at: number, length: number): number {
  let value = bytes.readUInt8(at) & (0xff >> length);
  for (let n = 1; n < length; n++) value = value * 256 + bytes.readUInt8(at + n);
  return value;
}

function empty(bytes: Buffer, from: number, to: number): void {
  const length = to - from;
  // Name and size take two bytes at least; where it is long, the size takes eight.
  const sizeLength = length - 2 < 0x7f ? 1 : 8;
  bytes.fill(0, from, to);
  bytes[from] = VOID;
  if (sizeLength === 1) bytes[from + 1] = 0x80 | (length - 2);
  else {
    bytes[from + 1] = 0x01;
    bytes.writeUIntBE(length - 9, from + 3, 6);
  }
}
