// Is a file what safetensors files are? A head in JSON and numbers behind it, and nothing that anybody could
// execute. Pickles, cut files and heads that point outside of the file are refused.
import type { FileHandle } from 'node:fs/promises';
import { z } from 'zod';

/** The format's own limit is 100 MB; the head of an adaptation is a few hundred kilobytes. */
const HEAD_BYTES_MAX = 16 * 1024 * 1024;
const LENGTH_BYTES = 8;

const BITS: Readonly<Record<string, number>> = {
  ...{ F64: 64, I64: 64, U64: 64, F32: 32, I32: 32, U32: 32, F16: 16, BF16: 16, I16: 16, U16: 16 },
  ...{ F8_E4M3: 8, F8_E5M2: 8, F8_E8M0: 8, I8: 8, U8: 8, BOOL: 8 },
};

const whole = z.number().int().nonnegative();
const tensor = z.strictObject({
  dtype: z.string().refine((name) => Object.hasOwn(BITS, name)),
  shape: z.array(whole).max(16),
  data_offsets: z.tuple([whole, whole]),
});
const head = z
  .object({ __metadata__: z.record(z.string(), z.string()).optional() })
  .catchall(tensor);

/** Null when all is well; otherwise what is wrong, as a clause. */
export async function wrongWith(file: FileHandle): Promise<string | null> {
  const { size } = await file.stat();
  const length = await readAt(file, 0, LENGTH_BYTES);
  if (length === null) return 'it is too short';
  const headBytes = length.readBigUInt64LE();
  if (headBytes < 2n || headBytes > BigInt(Math.min(HEAD_BYTES_MAX, size - LENGTH_BYTES)))
    return 'it does not begin with a head';
  const text = await readAt(file, LENGTH_BYTES, Number(headBytes));
  const parsed = head.safeParse(text && parse(text));
  if (!parsed.success) return 'its head cannot be read';
  const { __metadata__: _, ...tensors } = parsed.data;
  return wrongTensors(Object.values(tensors), size - LENGTH_BYTES - Number(headBytes));
}

/** Each of its declared size, one after the other, to the last byte. */
function wrongTensors(
  tensors: readonly z.infer<typeof tensor>[],
  dataBytes: number,
): string | null {
  if (tensors.length === 0) return 'there is nothing in it';
  let end = 0;
  for (const { dtype, shape, data_offsets } of tensors.toSorted(
    (a, b) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1],
  )) {
    const bytes = shape.reduce((product, side) => product * side, BITS[dtype]! / 8);
    const [from, to] = data_offsets;
    if (from !== end || to - from !== bytes) return 'its head does not fit its numbers';
    end = to;
  }
  return end === dataBytes ? null : 'its head does not fit its length';
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer | null> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return bytesRead === length ? buffer : null;
}

function parse(text: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch {
    return null;
  }
}
