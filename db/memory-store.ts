// The Store in memory: for the simulator and for fast tests. Same rules as Postgres, one thread, and a
// clock from outside. Its tables are open, so that tests can look.
import assert from 'node:assert/strict';
import { type ActorKind, type ActorRef, jobRef, refKey } from '../machines/contract/ids.ts';
import { checkBatch, settleTimers, timerKey } from './batch.ts';
import {
  type CommitBatch,
  type CommitResult,
  type JournalWrite,
  type Learned,
  type Lease,
  type LedgerWrite,
  type OutboxWrite,
  type ParkedWrite,
  type Store,
  type StoredActor,
  StoreUnavailable,
  type StreamWrite,
  type TimerWrite,
} from './store.ts';

type At<Row> = Omit<Row, 'component'> & { readonly at: number };

export interface MemoryTables {
  readonly actors: Map<string, StoredActor>;
  readonly timers: Map<
    string,
    Omit<TimerWrite, 'component' | 'delayMs'> & { readonly dueAt: number }
  >;
  readonly journal: (At<JournalWrite> & { readonly batchId: string })[];
  readonly ledger: Map<string, At<LedgerWrite>>;
  readonly outbox: Map<string, At<OutboxWrite>>;
  /** In the order of `seq`. */
  readonly stream: (At<StreamWrite> & { readonly seq: number })[];
  readonly parked: Map<string, At<ParkedWrite>>;
  readonly leases: Map<string, { holder: string | null; term: number; expiresAt: number }>;
  readonly learned: Map<string, Learned & { readonly keptAt: number }>;
}

export class MemoryStore implements Store {
  readonly tables: MemoryTables = {
    actors: new Map(),
    timers: new Map(),
    journal: [],
    ledger: new Map(),
    outbox: new Map(),
    stream: [],
    parked: new Map(),
    leases: new Map(),
    learned: new Map(),
  };
  readonly #clock: () => number;
  #streamHead = 0;
  #closed = false;

  constructor(options: { readonly now: () => number }) {
    this.#clock = options.now;
  }

  async now(): Promise<number> {
    return this.#open();
  }

  async load(refs: readonly ActorRef[]): Promise<readonly StoredActor[]> {
    this.#open();
    const keys = new Set(refs.map(refKey));
    return [...keys].flatMap((key) => this.tables.actors.get(key) ?? []);
  }

  async commit(batch: CommitBatch): Promise<CommitResult> {
    const at = this.#open();
    checkBatch(batch);
    const lost = new Set<number>();
    for (const { component, ref, expected } of batch.actors) {
      const actor = this.tables.actors.get(refKey(ref));
      if ((actor?.revision ?? 0) !== expected || actor?.parked === true) lost.add(component);
    }
    for (const { component, ref, revision } of batch.reads) {
      const actor = this.tables.actors.get(refKey(ref));
      if ((actor?.revision ?? 0) !== revision || actor?.parked === true) lost.add(component);
    }
    for (const { component, name, term } of batch.fences) {
      if (!this.#holds({ name, term }, at)) lost.add(component);
    }
    const from = this.#streamHead;
    this.#write(batch, at, (row) => !lost.has(row.component));
    const to = this.#streamHead;
    const published = to > from ? { from, to } : null;
    return { at, lost: [...lost].sort((a, b) => a - b), published };
  }

  #write(
    batch: CommitBatch,
    at: number,
    isKept: (row: { readonly component: number }) => boolean,
  ): void {
    const { actors, timers, journal, ledger, outbox, stream, parked } = this.tables;
    const postings = batch.ledger.filter(isKept);
    for (const row of postings) {
      // Checked before anything is written: a commit happens whole or not at all.
      assert(!ledger.has(legKey(row)), `leg ${legKey(row)} of the ledger is new`);
      assert(row.balanceMt === null || row.balanceMt >= 0, `leg ${legKey(row)} keeps a balance`);
    }
    for (const { ref, id } of batch.parked.filter(isKept))
      assert(!parked.has(`${ref.accountId}/${id}`), `parked event ${id} is new`);
    for (const row of batch.actors.filter(isKept)) {
      const { ref, machine, version, revision, state, tags, snapshot } = row;
      const createdAt = actors.get(refKey(ref))?.createdAt ?? at;
      const stored = { ref, machine, version, revision, state, tags: [...tags], snapshot };
      actors.set(refKey(ref), { ...stored, parked: false, createdAt, updatedAt: at });
    }
    for (const { component: _, ...row } of batch.journal.filter(isKept)) {
      journal.push({ ...row, at, batchId: batch.batchId });
    }
    const settled = settleTimers(batch);
    for (const row of settled.cancelled.filter(isKept)) timers.delete(timerKey(row));
    for (const row of settled.armed.filter(isKept)) {
      const { ref, name, armingId, delayMs } = row;
      timers.set(timerKey(row), { ref, name, armingId, dueAt: at + delayMs });
    }
    for (const { component: _, ...row } of postings) ledger.set(legKey(row), { ...row, at });
    for (const { component: _, ...row } of batch.outbox.filter(isKept)) {
      const key = `${row.accountId}/${row.id}`;
      if (!outbox.has(key)) outbox.set(key, { ...row, at });
    }
    for (const { component: _, ...row } of batch.stream.filter(isKept)) {
      this.#streamHead += 1;
      stream.push({ ...row, at, seq: this.#streamHead });
    }
    for (const { component: _, ...row } of batch.parked.filter(isKept)) {
      parked.set(`${row.ref.accountId}/${row.id}`, { ...row, at });
      const actor = actors.get(refKey(row.ref));
      if (actor !== undefined) actors.set(refKey(row.ref), { ...actor, parked: true });
    }
  }

  async committed(batchId: string, ref: ActorRef, revision: number): Promise<boolean> {
    this.#open();
    return this.tables.journal.some(
      (row) =>
        row.batchId === batchId && row.revision === revision && refKey(row.ref) === refKey(ref),
    );
  }

  async listWithout(kind: ActorKind, tag: string): Promise<readonly StoredActor[]> {
    this.#open();
    return [...this.tables.actors.values()].filter(
      (actor) => actor.ref.kind === kind && !actor.tags.includes(tag),
    );
  }

  #runningTimers() {
    return [...this.tables.timers.values()]
      .filter(({ ref }) => this.tables.actors.get(refKey(ref))?.parked !== true)
      .sort((a, b) => a.dueAt - b.dueAt);
  }

  async dueTimers(limit: number) {
    const now = this.#open();
    return this.#runningTimers()
      .filter(({ dueAt }) => dueAt <= now)
      .slice(0, limit)
      .map(({ ref, name, armingId }) => ({ ref, name, armingId }));
  }

  async nextTimerInMs(): Promise<number | null> {
    const now = this.#open();
    const [first] = this.#runningTimers();
    return first === undefined ? null : Math.max(0, Math.ceil(first.dueAt - now));
  }

  async outbox(destinations: readonly string[], limit: number) {
    this.#open();
    return [...this.tables.outbox.values()]
      .filter((row) => destinations.includes(row.destination))
      .slice(0, limit)
      .map(({ accountId, id, destination, payload }) => ({ accountId, id, destination, payload }));
  }

  async outboxDelivered(rows: readonly { accountId: string; id: string }[]): Promise<void> {
    this.#open();
    for (const { accountId, id } of rows) this.tables.outbox.delete(`${accountId}/${id}`);
  }

  async readStream(accountId: string | null, after: number, limit: number) {
    this.#open();
    return this.tables.stream
      .slice(after) // nothing is swept here: seq n lies at n - 1
      .filter((row) => accountId === null || row.accountId === accountId)
      .slice(0, limit)
      .map(({ seq, accountId, jobId, payload }) => ({ seq, accountId, jobId, payload }));
  }

  async streamEntries(after: number, limit: number) {
    this.#open();
    return this.tables.stream.slice(after, after + limit).map((row) => ({
      seq: row.seq,
      ref: jobRef(row.accountId, row.jobId),
      revision: row.revision,
    }));
  }

  async streamHead(): Promise<number> {
    this.#open();
    return this.#streamHead;
  }

  async acquireLease(name: string, holder: string, ttlMs: number): Promise<Lease | null> {
    const now = this.#open();
    const held = this.tables.leases.get(name);
    if (held !== undefined && held.holder !== holder && held.expiresAt > now) return null;
    const term = held === undefined ? 1 : held.term + (held.holder === holder ? 0 : 1);
    this.tables.leases.set(name, { holder, term, expiresAt: now + ttlMs });
    return { name, term };
  }

  async releaseLease({ name, term }: Lease, holder: string): Promise<void> {
    const now = this.#open();
    const held = this.tables.leases.get(name);
    if (held?.term !== term || held.holder !== holder) return;
    this.tables.leases.set(name, { holder: null, term, expiresAt: now });
  }

  async keepLearned(rows: readonly Learned[]): Promise<void> {
    const keptAt = this.#open();
    for (const row of rows) {
      const key = `${row.accountId}/${row.subject}/${row.id}`;
      if ((this.tables.learned.get(key)?.seen ?? 0) <= row.seen)
        this.tables.learned.set(key, { ...row, keptAt });
    }
  }

  async learned(subject: string, after: number, limit: number) {
    this.#open();
    return [...this.tables.learned.values()]
      .filter((row) => row.subject === subject && row.keptAt > after)
      .sort((a, b) => b.keptAt - a.keptAt)
      .slice(0, limit);
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #holds({ name, term }: Lease, now: number): boolean {
    const held = this.tables.leases.get(name);
    return held?.term === term && held.expiresAt > now;
  }

  /** The time, while the store is open. */
  #open(): number {
    if (this.#closed) throw new StoreUnavailable('The store is closed.');
    return this.#clock();
  }
}

const legKey = ({ accountId, posting, leg }: Pick<LedgerWrite, 'accountId' | 'posting' | 'leg'>) =>
  `${accountId}/${posting}/${leg}`;
