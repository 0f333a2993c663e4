// Files as nobody should send them, made here.
import { deflateSync, crc32 } from 'node:zlib';
import sharp from 'sharp';

export const SECRET = 'Ann Lovelace, 12 Hidden Lane';

/** A photograph with all that a telephone writes into one. */
export const photo = (width = 64, height = 48): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: '#3a7' } })
    .withExif({
      IFD0: { Copyright: SECRET, Artist: SECRET },
      IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 0/1' },
    })
    .withXmp(`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf>${SECRET}</rdf></x:xmpmeta>`)
    .withIccProfile('p3')
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer();

const chunk = (name: string, content: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), content]);
  const whole = Buffer.alloc(body.byteLength + 8);
  whole.writeUInt32BE(content.byteLength);
  body.copy(whole, 4);
  whole.writeUInt32BE(crc32(body), body.byteLength + 4);
  return whole;
};

/** All zeros, so that a few kilobytes are many megapixels. */
export function pngOf(width: number, height: number, lines = height): Buffer {
  const head = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0]);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', head),
    chunk('tEXt', Buffer.from(`Author\0${SECRET}`, 'latin1')),
    chunk('IDAT', deflateSync(Buffer.alloc((width + 1) * lines))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** One pixel, many times. */
export function gifOf(frames: number): Buffer {
  // Black and white in turn: equal frames would be made one.
  const frame = (n: number) =>
    Buffer.from(`21f90400010000002c00000000010001000002024${n % 2 === 0 ? '4' : 'c'}0100`, 'hex');
  return Buffer.concat([
    Buffer.from('47494638396101000100800000000000ffffff', 'hex'),
    ...Array.from({ length: frames }, (_, n) => frame(n)),
    Buffer.from(';'),
  ]);
}

const riff = (name: string, content: Buffer): Buffer => {
  const head = Buffer.from(`${name}....`, 'latin1');
  head.writeUInt32LE(content.byteLength, 4);
  return Buffer.concat([head, content]);
};

/** 8 kHz, one byte each. */
export function wavOf(seconds: number): Buffer {
  const format = Buffer.alloc(16);
  format.writeUInt16LE(1, 0);
  format.writeUInt16LE(1, 2);
  format.writeUInt32LE(8000, 4);
  format.writeUInt32LE(8000, 8);
  format.writeUInt16LE(1, 12);
  format.writeUInt16LE(8, 14);
  const body = Buffer.concat([
    Buffer.from('WAVE', 'latin1'),
    riff('fmt ', format),
    riff('LIST', Buffer.from(`INFOIART${SECRET}`, 'latin1')),
    riff('data', Buffer.alloc(8000 * seconds, 128)),
    riff('id3 ', Buffer.from(SECRET, 'latin1')),
  ]);
  return riff('RIFF', body);
}

export const box = (name: string, ...content: Buffer[]): Buffer => {
  const body = Buffer.concat(content);
  const head = Buffer.from(`....${name}`, 'latin1');
  head.writeUInt32BE(8 + body.byteLength);
  return Buffer.concat([head, body]);
};

const movieHeader = (): Buffer => {
  const header = Buffer.alloc(100);
  header.writeUInt32BE(0xdeadbeef, 4);
  header.writeUInt32BE(1000, 12);
  header.writeUInt32BE(5000, 16);
  return header;
};

/** As a telephone films: with the place. */
export const mp4Of = (): Buffer =>
  Buffer.concat([
    box('ftyp', Buffer.from('isom\0\0\0\0mp42', 'latin1')),
    box('uuid', Buffer.from(`0123456789abcdef${SECRET}`, 'latin1')),
    box(
      'moov',
      box('mvhd', movieHeader()),
      box('trak', box('tkhd', Buffer.alloc(84)), box('udta', Buffer.from(SECRET, 'latin1'))),
      box('udta', box('\xa9xyz', Buffer.from(`+51.5-000.1/${SECRET}`, 'latin1'))),
      box('meta', Buffer.from(SECRET, 'latin1')),
    ),
    box('mdat', Buffer.from('the samples')),
  ]);

/** Sizes in eight bytes, as recorders write them. */
export const element = (id: string, ...content: Buffer[]): Buffer => {
  const body = Buffer.concat(content);
  const size = Buffer.alloc(8);
  size.writeUInt32BE(body.byteLength, 4);
  size[0] = 0x01;
  return Buffer.concat([Buffer.from(id, 'hex'), size, body]);
};

/** @param isOpen the lengths of segment and cluster are not known, as where it was recorded live */
export function webmOf(isOpen = false): Buffer {
  const open = (id: string, content: Buffer) =>
    isOpen
      ? Buffer.concat([Buffer.from(`${id}01ffffffffffffff`, 'hex'), content])
      : element(id, content);
  const info = element(
    '1549a966',
    element('7ba9', Buffer.from(SECRET)),
    element('4461', Buffer.alloc(8, 7)),
  );
  const cluster = open('1f43b675', element('a3', Buffer.from('the samples')));
  const tags = element('1254c367', Buffer.from(SECRET.repeat(9)));
  return Buffer.concat([
    element('1a45dfa3', element('4282', Buffer.from('webm'))),
    open('18538067', Buffer.concat([info, cluster, tags])),
  ]);
}
