// Effects: what a chart wants done, declared as data. `transition()` hands them back, `runtime/plan.ts`
// turns them into rows. Nothing here ever runs inside a machine.
import type { ActorEvent, HoldRefusal, JoinRefusal } from './contract/events.ts';
import type { ActorRef } from './contract/ids.ts';
import type { WorkerOrder } from './contract/worker-protocol.ts';

/** One double-entry posting; `legs` sum to zero. Amounts in integer millitokens. */
export interface Posting {
  readonly posting: number;
  readonly legs: readonly {
    readonly book: Book;
    readonly amountMt: number;
    /** Running balance of a person's own book after this leg; null for system books. */
    readonly balanceMt: number | null;
  }[];
  readonly reason: string;
  readonly jobId: string | null;
}

export type Book =
  | 'allowance'
  | 'topUp'
  | 'held'
  | 'system:granted'
  | 'system:expired'
  | 'system:spent'
  | 'system:sold'
  | 'system:moved';

/** A caller's request that is turned down: nothing of its component is written. */
export type Refusal =
  { readonly code: 'impossible'; readonly detail: string } | HoldRefusal | JoinRefusal;

export interface Effects {
  /** Deliver an event to another actor, inside the same commit. */
  'actor.tell': { readonly to: ActorRef; readonly event: ActorEvent };
  'ledger.post': Posting;
  /** A command for the worker's agent: an outbox row. `accountId` is the job's, for the way back. */
  'worker.order': { readonly order: WorkerOrder; readonly accountId: string | null };
  /** Tell the agent that an attempt's end is committed. Repeated by the agent if it gets lost. */
  'worker.settle': { readonly job: string; readonly attempt: number };
  'caller.refuse': Refusal;
}

export type EffectType = keyof Effects;

/** Declares an effect in `setup({ actions })`. Its body throws: running one in place is a bug. */
export const effect =
  <T extends EffectType>(type: T) =>
  (_: unknown, _params: Effects[T]): void => {
    throw new Error(`Effect ${type} must be planned by the runtime, never run by a machine.`);
  };

export const effects = {
  'actor.tell': effect('actor.tell'),
  'ledger.post': effect('ledger.post'),
  'worker.order': effect('worker.order'),
  'worker.settle': effect('worker.settle'),
  'caller.refuse': effect('caller.refuse'),
};
