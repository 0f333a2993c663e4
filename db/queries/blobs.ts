// Which files an account may read. The bytes lie elsewhere, under the content's hash.
import { type DatabasePool, sql } from 'slonik';
import { z } from 'zod';

const blobRow = z.object({
  id: z.string(),
  bytes: z.number(),
  mediaType: z.string(),
  createdAt: z.number(),
});
export type BlobRow = z.infer<typeof blobRow>;

const nothing = z.object({});

/** The same content again keeps the first row: its media type does not change under a reader. */
export async function insertBlob(
  pool: DatabasePool,
  accountId: string,
  blob: Pick<BlobRow, 'id' | 'bytes' | 'mediaType'>,
): Promise<void> {
  await pool.query(sql.type(nothing)`
    insert into blobs (account_id, id, bytes, media_type)
    values (${accountId}, ${blob.id}, ${blob.bytes}, ${blob.mediaType}) on conflict do nothing`);
}

export const findBlob = (
  pool: DatabasePool,
  accountId: string,
  id: string,
): Promise<BlobRow | null> =>
  pool.maybeOne(sql.type(blobRow)`
    select id, bytes, media_type as "mediaType", created_at as "createdAt"
    from blobs where account_id = ${accountId} and id = ${id}`);
