// Lists come in pages: the query that all of them understand.
import { z } from 'zod';

const LIMIT_MAX = 100;

/** A query is text, so a number in it is checked as text. */
export const pageQuery = z.strictObject({
  cursor: z.string().max(300).nullable().default(null).describe('`next_cursor` of the last page'),
  limit: z
    .string()
    .regex(/^\d{1,3}$/, 'is not a whole number')
    .transform(Number)
    .pipe(z.number().min(1).max(LIMIT_MAX))
    .default(20),
});

/** Of an actor's journal: it goes on after a turn. */
export const turnsQuery = z.strictObject({
  after: z
    .string()
    .regex(/^\d{1,15}$/, 'is not a revision')
    .transform(Number)
    .default(0)
    .describe('The last revision that is not wanted any more'),
  limit: pageQuery.shape.limit,
});
