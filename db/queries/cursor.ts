// Where a list goes on: opaque to clients, so that its inside may change.
import type { z } from 'zod';

/** The cursor did not come from us, or is damaged. */
export class InvalidCursor extends Error {
  override readonly name = 'InvalidCursor';
  constructor(options?: ErrorOptions) {
    super(
      'This cursor is not valid. Use the `next_cursor` of the previous page as it is.',
      options,
    );
  }
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** Null at the end. */
  readonly nextCursor: string | null;
}

export const encodeCursor = (place: readonly unknown[]): string =>
  Buffer.from(JSON.stringify(place)).toString('base64url');

export function decodeCursor<Place>(cursor: string, schema: z.ZodType<Place>): Place {
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch (cause) {
    throw new InvalidCursor({ cause });
  }
}

/** From `limit + 1` rows: the page, and a cursor when there is more. */
export function pageOf<Row>(
  rows: readonly Row[],
  limit: number,
  place: (last: Row) => readonly unknown[],
): Page<Row> {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const hasMore = rows.length > limit && last !== undefined;
  return { rows: page, nextCursor: hasMore ? encodeCursor(place(last)) : null };
}
