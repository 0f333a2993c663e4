// RIFF: a list of chunks. Those that say how it sounds are kept.
import { Damaged } from '../bad-file.ts';

const KEPT = new Set(['fmt ', 'fact', 'data']);
/** Of a recorder that did not know the length yet. */
const OPEN = new Set([0, 0xffffffff]);

export function cleanWav(bytes: Buffer): Buffer {
  const kept: Buffer[] = [];
  const names: string[] = [];
  for (let at = 12; at + 8 <= bytes.byteLength;) {
    const name = bytes.toString('latin1', at, at + 4);
    const told = bytes.readUInt32LE(at + 4);
    const left = bytes.byteLength - at - 8;
    const length = name === 'data' && OPEN.has(told) ? left : Math.min(told, left);
    if (KEPT.has(name) && !names.includes(name)) {
      kept.push(chunkOf(name, bytes.subarray(at + 8, at + 8 + length)));
      names.push(name);
    }
    at += 8 + length + (length % 2);
  }
  if (!names.includes('fmt ') || !names.includes('data'))
    throw new Damaged('The sound is damaged: it says no format, or has no samples.');
  const body = Buffer.concat(kept);
  const head = Buffer.from('RIFF....WAVE', 'latin1');
  head.writeUInt32LE(4 + body.byteLength, 4);
  return Buffer.concat([head, body]);
}

function chunkOf(name: string, content: Buffer): Buffer {
  const head = Buffer.from(`${name}....`, 'latin1');
  head.writeUInt32LE(content.byteLength, 4);
  return Buffer.concat([head, content, Buffer.alloc(content.byteLength % 2)]);
}
