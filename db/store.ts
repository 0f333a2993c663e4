// The Store: everything a turn needs from durable storage, and nothing else. Two implementations stand
// behind one conformance suite: Postgres (`postgres-store.ts`) and memory (`memory-store.ts`).
import type { ActorKind, ActorRef } from '../machines/contract/ids.ts';

/** An actor at rest. Times are milliseconds since 1970, by the store's own clock. */
export interface StoredActor {
  readonly ref: ActorRef;
  /** Version envelope: which chart wrote the snapshot. */
  readonly machine: string;
  readonly version: number;
  /** Counts committed turns: 1, 2, 3 without gaps. */
  readonly revision: number;
  /** The chart's state in dots, e.g. `assigned.executing`; regions joined by a space. */
  readonly state: string;
  readonly tags: readonly string[];
  /** JSON text of { value, context, status, timers }. The store never looks inside. */
  readonly snapshot: string;
  /** Set once an event could not be applied; turns leave the actor alone until it is released. */
  readonly parked: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/**
 * Rows of one commit. A *component* is a set of actors that told each other something: it is written
 * whole or not at all. Every row carries the index of its component.
 */
export interface CommitBatch {
  /** Unique per attempt to commit; the journal keeps it, so that an unknown outcome can be looked up. */
  readonly batchId: string;
  readonly components: number;
  readonly actors: readonly ActorWrite[];
  /** Actors that a component has read and not changed: it is lost if they have changed meanwhile. */
  readonly reads: readonly ActorRead[];
  readonly journal: readonly JournalWrite[];
  readonly timersArmed: readonly TimerWrite[];
  readonly timersCancelled: readonly TimerCancel[];
  readonly ledger: readonly LedgerWrite[];
  readonly outbox: readonly OutboxWrite[];
  readonly stream: readonly StreamWrite[];
  readonly parked: readonly ParkedWrite[];
  /** A component that may only be written while the lease is held in that term. */
  readonly fences: readonly {
    readonly component: number;
    readonly name: string;
    readonly term: number;
  }[];
}

export interface ActorWrite {
  readonly component: number;
  readonly ref: ActorRef;
  readonly machine: string;
  readonly version: number;
  /** Revision the turn was computed on; 0 when the actor is new. Compare-and-set on this. */
  readonly expected: number;
  readonly revision: number;
  readonly state: string;
  readonly tags: readonly string[];
  readonly snapshot: string;
}

export interface ActorRead {
  readonly component: number;
  readonly ref: ActorRef;
  /** 0: there was none. */
  readonly revision: number;
}

export interface JournalWrite {
  readonly component: number;
  readonly ref: ActorRef;
  readonly revision: number;
  /** JSON texts. `patch` holds the context keys that changed. */
  readonly event: string;
  readonly from: string;
  readonly to: string;
  readonly patch: string;
  readonly effects: string;
}

export interface TimerWrite {
  readonly component: number;
  readonly ref: ActorRef;
  readonly name: string;
  /** Revision of the arming turn. A timer that fires with another arming id changes nothing. */
  readonly armingId: number;
  /** Due this long after the commit, by the store's clock. */
  readonly delayMs: number;
}

export interface TimerCancel {
  readonly component: number;
  readonly ref: ActorRef;
  readonly name: string;
}

/** One leg of a double-entry posting. The legs of (accountId, posting) sum to zero. */
export interface LedgerWrite {
  readonly component: number;
  readonly accountId: string;
  /** 1, 2, 3 per account. */
  readonly posting: number;
  readonly leg: number;
  /** `allowance`, `topUp`, `held` are the person's; those beginning with `system:` are ours. */
  readonly book: string;
  readonly amountMt: number;
  /** Running balance of the person's own book; null for system books. */
  readonly balanceMt: number | null;
  readonly reason: string;
  readonly jobId: string | null;
}

export interface OutboxWrite {
  readonly component: number;
  readonly accountId: string;
  /** Unique within the account; writing the same id twice keeps the first row. */
  readonly id: string;
  /** Who must get it, e.g. `worker:wrk_…`. */
  readonly destination: string;
  /** JSON text. */
  readonly payload: string;
}

export interface StreamWrite {
  readonly component: number;
  readonly accountId: string;
  readonly jobId: string;
  readonly revision: number;
  /** JSON text of the job's stored view. */
  readonly payload: string;
}

export interface ParkedWrite {
  readonly component: number;
  readonly ref: ActorRef;
  readonly id: string;
  readonly event: string;
  readonly reason: string;
}

export interface CommitResult {
  /** Store time of the commit, milliseconds. */
  readonly at: number;
  /** Components left out: a compare-and-set, a new actor's id or a fence was lost. Sorted, unique. */
  readonly lost: readonly number[];
  /** The stream's `seq` before and after this commit; null when it published nothing. */
  readonly published: { readonly from: number; readonly to: number } | null;
}

/** The connection broke after the commit was sent: it may or may not have happened. */
export class UnknownOutcome extends Error {
  readonly batchId: string;
  constructor(batchId: string, options?: ErrorOptions) {
    super(`The outcome of commit ${batchId} is unknown.`, options);
    this.name = 'UnknownOutcome';
    this.batchId = batchId;
  }
}

/** The store cannot be reached or refuses work for now. Nothing was written. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

export interface DueTimer {
  readonly ref: ActorRef;
  readonly name: string;
  readonly armingId: number;
}

export interface OutboxRow {
  readonly accountId: string;
  readonly id: string;
  readonly destination: string;
  readonly payload: string;
}

export interface StreamRow {
  readonly seq: number;
  readonly accountId: string;
  readonly jobId: string;
  readonly payload: string;
}

/** Says that a job's public face changed; not how. */
export interface StreamEntry {
  readonly seq: number;
  readonly ref: ActorRef;
  readonly revision: number;
}

/** What was learned of something. Nothing depends on it. */
export interface Learned {
  readonly accountId: string;
  readonly subject: string;
  readonly id: string;
  /** How much was seen: what has seen more is not overwritten. */
  readonly seen: number;
  /** JSON text. */
  readonly facts: string;
}

export interface Lease {
  readonly name: string;
  readonly term: number;
}

export interface Store {
  /** Store time in milliseconds. The only clock that decides. */
  now(): Promise<number>;
  /** Actors that exist, in any order. */
  load(refs: readonly ActorRef[]): Promise<readonly StoredActor[]>;
  /** One round trip. Throws `UnknownOutcome` or `StoreUnavailable`. */
  commit(batch: CommitBatch): Promise<CommitResult>;
  /** Was (ref, revision) written by this batch? Asked after an unknown outcome. */
  committed(batchId: string, ref: ActorRef, revision: number): Promise<boolean>;
  /** Actors of a kind that carry none of the tag (e.g. every job that is not `settled`). */
  listWithout(kind: ActorKind, tag: string): Promise<readonly StoredActor[]>;
  /** Timers due by store time, soonest first. Firing is a turn; the turn deletes the row. */
  dueTimers(limit: number): Promise<readonly DueTimer[]>;
  /** Milliseconds until the next timer is due; null when none is armed. */
  nextTimerInMs(): Promise<number | null>;
  /** Undelivered rows for these destinations, oldest first. */
  outbox(destinations: readonly string[], limit: number): Promise<readonly OutboxRow[]>;
  /** Deletes them. Their ids name turns, so nobody writes them again. */
  outboxDelivered(rows: readonly { accountId: string; id: string }[]): Promise<void>;
  /** Rows after `seq`, of one account or (null) of all. Whoever sees a seq could see all lower ones. */
  readStream(accountId: string | null, after: number, limit: number): Promise<readonly StreamRow[]>;
  /** The same rows without what they say, for who only has to know whom to look at. */
  streamEntries(after: number, limit: number): Promise<readonly StreamEntry[]>;
  streamHead(): Promise<number>;
  /** Take or renew a lease. Null while another holder's is current. A new holder gets a new term. */
  acquireLease(name: string, holder: string, ttlMs: number): Promise<Lease | null>;
  releaseLease(lease: Lease, holder: string): Promise<void>;
  /** Beside the turns, by whoever learned it. No two rows have the same key. */
  keepLearned(rows: readonly Learned[]): Promise<void>;
  /** What was kept after that store time, newest first. */
  learned(
    subject: string,
    after: number,
    limit: number,
  ): Promise<readonly (Learned & { readonly keptAt: number })[]>;
  close(): Promise<void>;
}
