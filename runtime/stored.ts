// Whether an output that a worker reports is really here. The upload wrote the row, for the account of the
// job whose attempt the worker had.
import type { DatabasePool } from 'slonik';
import { findBlob } from '../db/queries/blobs.ts';
import type { SessionSeams } from './worker-sessions.ts';

export const storedFor =
  (pool: DatabasePool): SessionSeams['isStored'] =>
  async (accountId, { blob, bytes }) =>
    (await findBlob(pool, accountId, blob))?.bytes === bytes;
