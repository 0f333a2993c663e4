// What an inspector asks for: one actor, from some turn on, or every actor of an account or of a kind.
import { z } from 'zod';
import {
  quotaRef,
  jobRef,
  subscriptionRef,
  workerRef,
  type ActorKind,
  type ActorRef,
} from '../../machines/contract/ids.ts';

const name = z.string().regex(/^[\w.-]{1,64}$/);
const kind = z.enum(['job', 'worker', 'quota', 'subscription']);

export const inspectFrame = z.strictObject({
  subscribe: z
    .strictObject({
      kind: kind.optional(),
      id: name.optional(),
      account: name.optional(),
      after: z.number().int().min(0).nullable().default(null),
    })
    .refine(({ id, ...rest }) => id === undefined || refOf({ id, ...rest }) !== null, {
      message: 'One actor is named by its kind and id, and a job by its account, too.',
    })
    .refine(({ id, after }) => id !== undefined || after === null, {
      message: 'Only one actor at a time can be told from a turn on.',
      path: ['after'],
    }),
});
export type Wish = z.infer<typeof inspectFrame>['subscribe'];

/** Null when that names no single actor. */
export function refOf(named: {
  readonly kind?: ActorKind | undefined;
  readonly id?: string | undefined;
  readonly account?: string | undefined;
}): ActorRef | null {
  const { kind, id, account } = named;
  if (id === undefined) return null;
  if (kind === 'worker') return workerRef(id);
  if (kind === 'quota') return quotaRef(id);
  if (kind === 'subscription') return subscriptionRef(id);
  return kind === 'job' && account !== undefined ? jobRef(account, id) : null;
}

/** Which actors a wish is about. */
export function wants(wish: Wish): (ref: ActorRef) => boolean {
  const one = refOf(wish);
  if (one) return (ref) => ref.kind === one.kind && ref.id === one.id && isOf(one.accountId, ref);
  return (ref) =>
    (wish.kind === undefined || wish.kind === ref.kind) &&
    (wish.account === undefined || isOf(wish.account, ref));
}

const isOf = (account: string, ref: ActorRef): boolean => ref.accountId === account;
