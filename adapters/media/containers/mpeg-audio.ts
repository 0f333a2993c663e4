// MP3 and AAC: frames one after the other, with tags before and behind them.
import { Damaged } from '../bad-file.ts';

export function cleanMpegAudio(bytes: Buffer): Buffer {
  const from = beginOf(bytes);
  const to = endOf(bytes, from);
  const sound = bytes.subarray(from, to);
  const isFrame = sound.byteLength > 4 && (sound.readUInt16BE(0) & 0xffe0) === 0xffe0;
  if (!isFrame) throw new Damaged('The sound is damaged: there is no frame where it begins.');
  return sound;
}

/** Behind any number of ID3 tags, and the zeros that some writers leave. */
function beginOf(bytes: Buffer): number {
  let at = 0;
  while (bytes.toString('latin1', at, at + 3) === 'ID3') {
    const size = [6, 7, 8, 9].reduce((sum, n) => sum * 128 + (bytes.readUInt8(at + n) & 0x7f), 0);
    const hasFooter = (bytes.readUInt8(at + 5) & 0x10) !== 0;
    at += 10 + size + (hasFooter ? 10 : 0);
    while (bytes[at] === 0) at += 1;
  }
  return at;
}

/** Before an ID3v1 tag and an APE tag, which stand in this order from the end. */
function endOf(bytes: Buffer, from: number): number {
  let to = bytes.byteLength;
  if (bytes.toString('latin1', to - 128, to - 125) === 'TAG') to -= 128;
  if (to - 32 >= from && bytes.toString('latin1', to - 32, to - 24) === 'APETAGEX') {
    const size = bytes.readUInt32LE(to - 20);
    const hasHeader = (bytes.readUInt32LE(to - 12) & 0x80000000) !== 0;
    to -= size + (hasHeader ? 32 : 0);
  }
  return Math.max(from, to);
}
