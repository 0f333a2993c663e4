// What an account made that has become part of another stays readable for that one.
import { z } from 'zod';
import { listJoined } from '../../db/queries/joined-accounts.ts';
import type { Host } from '../host.ts';
import { refuse } from './problems.ts';

export const ofAccount = z
  .string()
  .regex(/^\w{1,64}$/)
  .optional()
  .describe('Of an account that has become part of this one (`GET /v1/account/identities`)');

/** The caller's own account, or one that is part of it. @throws Refused */
export async function readable(
  { pool }: Pick<Host, 'pool'>,
  accountId: string,
  wanted: string | undefined,
): Promise<string> {
  if (wanted === undefined || wanted === accountId) return accountId;
  const joined = await listJoined(pool, accountId);
  if (joined.some((each) => each.accountId === wanted)) return wanted;
  throw refuse('not_found', 'No such account is part of this one.');
}
