// Whether an output that a worker reports is really here: its bytes, and the row that the upload wrote for the
// account of the job whose attempt the worker had.
import type { DatabasePool } from 'slonik';
import { gathered } from '../db/gathered.ts';
import { sizesOfBlobs } from '../db/queries/blobs.ts';
import type { Blobs } from '../machines/contract/blobs.ts';
import type { SessionSeams } from './worker-sessions.ts';

export function storedFor(
  pool: DatabasePool,
  blobs: Pick<Blobs, 'size'>,
): SessionSeams['isStored'] {
  const sizeOf = gathered((keys: readonly { accountId: string; id: string }[]) =>
    sizesOfBlobs(pool, keys),
  );
  return async (accountId, { blob, bytes }) =>
    (await sizeOf({ accountId, id: blob })) === bytes && (await blobs.size(blob)) === bytes;
}
