// Whether an output that a worker reports is really here: its bytes, and the row that the upload wrote for the
// account of the job whose attempt the worker had.
import type { DatabasePool } from 'slonik';
import { findBlob } from '../db/queries/blobs.ts';
import type { Blobs } from '../machines/contract/blobs.ts';
import type { SessionSeams } from './worker-sessions.ts';

export const storedFor =
  (pool: DatabasePool, blobs: Pick<Blobs, 'size'>): SessionSeams['isStored'] =>
  async (accountId, { blob, bytes }) =>
    (await findBlob(pool, accountId, blob))?.bytes === bytes && (await blobs.size(blob)) === bytes;
