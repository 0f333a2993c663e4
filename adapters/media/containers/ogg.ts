// Pages that carry packets. The second packet of a stream holds its comments: each is blanked where it stands, so that
// nothing moves, and the pages it lies on get new checksums.
import { Damaged } from '../bad-file.ts';

interface Page {
  readonly from: number;
  readonly to: number;
}

/** A page's part of a packet. */
type Span = readonly [from: number, to: number];

export function cleanOgg(input: Buffer): Buffer {
  const bytes = Buffer.from(input);
  const pages: Page[] = [];
  const packets = new Map<number, { readonly done: Span[][]; open: Span[] }>();
  for (let at = 0; at < bytes.byteLength;) {
    if (bytes.toString('latin1', at, at + 4) !== 'OggS')
      throw new Damaged('The sound is damaged: a page does not begin where it should.');
    const segments = bytes.readUInt8(at + 26);
    const serial = bytes.readUInt32LE(at + 14);
    const stream = packets.get(serial) ?? { done: [], open: [] };
    packets.set(serial, stream);
    let content = at + 27 + segments;
    for (let n = 0; n < segments; n++) {
      const length = bytes.readUInt8(at + 27 + n);
      // Of what comes after the headers nothing is kept track of.
      if (stream.done.length < 2) {
        stream.open.push([content, content + length]);
        if (length < 255) stream.open = (stream.done.push(stream.open), []);
      }
      content += length;
    }
    if (content > bytes.byteLength) throw new RangeError('cut off');
    pages.push({ from: at, to: content });
    at = content;
  }
  for (const { done } of packets.values()) {
    const places = (done[1] ?? []).flatMap(([from, to]) =>
      Array.from({ length: to - from }, (_, n) => from + n),
    );
    if (blankComments(bytes, places))
      for (const page of pages)
        if (places.some((at) => at >= page.from && at < page.to)) sign(bytes, page);
  }
  return bytes;
}

/** @param places of the packet's bytes, which may lie on several pages */
function blankComments(bytes: Buffer, places: readonly number[]): boolean {
  const head = places
    .slice(0, 8)
    .map((at) => String.fromCharCode(bytes[at]!))
    .join('');
  const from = head === 'OpusTags' ? 8 : head.startsWith('\x03vorbis') ? 7 : null;
  if (from === null) return false;
  const number = (n: number): number =>
    [3, 2, 1, 0].reduce((sum, byte) => sum * 256 + bytes.readUInt8(places[n + byte] ?? -1), 0);
  let at = from + 4 + number(from);
  const count = number(at);
  at += 4;
  for (let n = 0; n < count; n++) {
    const end = at + 4 + number(at);
    if (end > places.length) throw new RangeError('cut off');
    let isValue = false;
    for (let place = at + 4; place < end; place++) {
      if (isValue) bytes[places[place]!] = 0x20;
      isValue ||= bytes[places[place]!] === 0x3d;
    }
    at = end;
  }
  return true;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let sum = n << 24;
  for (let bit = 0; bit < 8; bit++) sum = (sum << 1) ^ (sum & 0x80000000 ? 0x04c11db7 : 0);
  return sum >>> 0;
});

function sign(bytes: Buffer, { from, to }: Page): void {
  bytes.writeUInt32LE(0, from + 22);
  let sum = 0;
  for (let at = from; at < to; at++)
    sum = ((sum << 8) ^ TABLE[((sum >>> 24) ^ bytes[at]!) & 0xff]!) >>> 0;
  bytes.writeUInt32LE(sum, from + 22);
}
