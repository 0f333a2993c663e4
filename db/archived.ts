// How an archived job is packed: Zstandard over JSON text. Its level is the default one: these rows are
// small, and a higher one gains nothing.
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';

export const pack = (text: string): Buffer => zstdCompressSync(text);

export const unpack = (packed: Buffer): string => zstdDecompressSync(packed).toString('utf8');
