// Lists come in pages. A cursor is the sort key of the last row seen: opaque to clients, checked by us.
import { z } from 'zod';
import { refuse } from './problems.ts';

const LIMIT_MAX = 100;

/** A query is text, so a number in it is checked as text. */
export const pageQuery = z.strictObject({
  cursor: z.string().max(300).optional(),
  limit: z
    .string()
    .regex(/^\d{1,3}$/, 'is not a whole number')
    .transform(Number)
    .pipe(z.number().min(1).max(LIMIT_MAX))
    .default(20),
});

export const cursorOf = (key: readonly unknown[]): string =>
  Buffer.from(JSON.stringify(key)).toString('base64url');

export function readCursor<T>(shape: z.ZodType<T>, cursor: string | undefined): T | null {
  if (cursor === undefined) return null;
  try {
    return shape.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch {
    throw refuse('invalid_request', 'This cursor is not one that a list has given.', {
      errors: [{ at: '/cursor', reason: 'is not a cursor' }],
    });
  }
}
