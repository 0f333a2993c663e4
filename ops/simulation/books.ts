// What is stored, read back as facts: kept up to date from what each commit wrote, so that the invariants
// look only at what changed. It takes nothing from the runtimes' own memory and trusts no chart.
import type { CommitBatch, CommitResult, JournalWrite, LedgerWrite } from '../../db/store.ts';
import type { ActorEvent, JobSpec } from '../../machines/contract/events.ts';
import { refKey, type ActorRef } from '../../machines/contract/ids.ts';
import type { JobContext } from '../../machines/job/context.ts';
import type { QuotaContext } from '../../machines/quota/decisions.ts';
import type { WorkerContext } from '../../machines/worker/context.ts';

export interface Fact<Context = unknown> {
  readonly ref: ActorRef;
  readonly key: string;
  readonly machine: string;
  readonly version: number;
  readonly revision: number;
  readonly state: string;
  readonly isSettled: boolean;
  readonly context: Context;
  readonly timers: Readonly<Record<string, readonly [armingId: number, event: string]>>;
  readonly snapshotLength: number;
}

/** Which attempt holds a job, as told by the events of its journal alone. */
export interface Lease {
  readonly attempt: number;
  readonly worker: string;
  readonly epoch: string;
}

export interface JobFacts {
  spec: JobSpec;
  attempt: number;
  lease: Lease | null;
  /** Sums of the ledger for this job. */
  holds: number;
  closings: number;
  heldMt: number;
  spentMt: number;
  /** When the engine began, while it is at it; after the end, how long it had been; null: it was not. */
  startedAt: number | null;
  ranMs: number | null;
  /** Who cancelled it. */
  cancelledBy: 'person' | 'system' | null;
  isSettled: boolean;
  /** Different workers that went down with it, as the job was told. */
  readonly crashedBy: Set<string>;
}

export interface Turn {
  readonly row: Omit<JournalWrite, 'component'>;
  readonly event: ActorEvent & { readonly at: number; readonly sent?: string };
  /** Of a job: its lease before this turn. */
  readonly leaseBefore: Lease | null;
  readonly wasSettled: boolean;
}

export interface Change {
  readonly before: Fact | undefined;
  readonly after: Fact;
}

/** One commit, without what was lost. */
export interface Commit {
  readonly at: number;
  readonly changes: readonly Change[];
  readonly turns: readonly Turn[];
  readonly ledger: readonly LedgerWrite[];
  readonly orders: CommitBatch['outbox'];
  readonly parked: CommitBatch['parked'];
  readonly batch: CommitBatch;
  readonly lost: ReadonlySet<number>;
}

export interface TimerFact {
  readonly armingId: number;
  readonly dueAt: number;
  /** The event it stands for. */
  type: string;
}

export interface Sums {
  allowance: number;
  topUp: number;
  held: number;
  posting: number;
}

export class Books {
  readonly actors = new Map<string, Fact>();
  readonly jobs = new Map<string, JobFacts>();
  readonly workers = new Map<string, Fact<WorkerContext>>();
  /** Last revision in the journal. */
  readonly revisions = new Map<string, number>();
  readonly sums = new Map<string, Sums>();
  readonly grants = new Set<string>();
  /** By account and day: what was granted, and the most that any plan of that day allows. */
  readonly grantedMt = new Map<string, { granted: number; allowed: number }>();
  readonly orders = new Set<string>();
  /** By actor, then by name: the rows as the commits wrote them. */
  readonly #timers = new Map<string, Map<string, TimerFact>>();
  /** Leases that were given and have ended, be it that one of the same name was given since. */
  readonly #ended = new Set<string>();
  turns = 0;
  commits = 0;

  timersOf(key: string): ReadonlyMap<string, TimerFact> {
    return this.#timers.get(key) ?? new Map();
  }

  get timers(): Iterable<[key: string, rows: ReadonlyMap<string, TimerFact>]> {
    return this.#timers;
  }

  keepTimers({ batch, lost, at }: Commit): void {
    for (const { component, ref, name } of batch.timersCancelled)
      if (!lost.has(component)) this.#timers.get(refKey(ref))?.delete(name);
    for (const { component, ref, name, armingId, delayMs } of batch.timersArmed) {
      if (lost.has(component)) continue;
      const key = refKey(ref);
      const rows = this.#timers.get(key) ?? new Map<string, TimerFact>();
      this.#timers.set(key, rows.set(name, { armingId, dueAt: at + delayMs, type: '' }));
    }
  }

  apply(batch: CommitBatch, { at, lost }: CommitResult): Commit {
    const gone = new Set(lost);
    const kept = <Row extends { readonly component: number }>(rows: readonly Row[]): Row[] =>
      gone.size === 0 ? [...rows] : rows.filter(({ component }) => !gone.has(component));
    const journal = kept(batch.journal);
    const turns = journal.map((row) => this.#turn(row));
    const ledger = kept(batch.ledger);
    for (const row of ledger) this.#post(row);
    const changes = kept(batch.actors).map((row) => {
      const key = refKey(row.ref);
      const { context, timers, status } = JSON.parse(row.snapshot) as Parsed;
      const { ref, machine, version, revision, state } = row;
      const before = this.actors.get(key);
      const after: Fact = {
        ...{ ref, key, machine, version, revision, state, context, timers },
        isSettled: status === 'done',
        snapshotLength: row.snapshot.length,
      };
      this.actors.set(key, after);
      if (ref.kind === 'worker') this.workers.set(ref.id, after as Fact<WorkerContext>);
      return { before, after };
    });
    this.commits += 1;
    this.turns += turns.length;
    return {
      ...{ at, changes, turns, ledger, batch },
      orders: kept(batch.outbox),
      parked: kept(batch.parked),
      lost: gone,
    };
  }

  #turn({ component: _, ...row }: JournalWrite): Turn {
    const event = JSON.parse(row.event) as Turn['event'];
    if (row.ref.kind !== 'job') return { row, event, leaseBefore: null, wasSettled: false };
    const key = refKey(row.ref);
    const job = this.jobs.get(key) ?? born(event);
    this.jobs.set(key, job);
    const turn = { row, event, leaseBefore: job.lease, wasSettled: job.isSettled };
    if (row.to === 'backingOff' && row.from !== 'backingOff') job.attempt += 1;
    if (event.type === 'worker.crashed') job.crashedBy.add(event.worker);
    job.lease = leaseAfter(turn, job);
    if (turn.leaseBefore && job.lease !== turn.leaseBefore)
      this.#ended.add(leaseName(row.ref.id, turn.leaseBefore));
    job.isSettled = ENDS.has(row.to);
    noteRun(job, row, event);
    return turn;
  }

  #post(row: LedgerWrite): void {
    const job = row.jobId === null ? undefined : this.jobs.get(`${row.accountId}/job/${row.jobId}`);
    if (!job) return;
    if (row.book === 'held') {
      if (row.amountMt > 0) job.holds += 1;
      else job.closings += 1;
      job.heldMt += row.amountMt;
    }
    if (row.book === 'system:spent') job.spentMt += row.amountMt;
  }

  hasEnded(job: string, lease: Lease): boolean {
    return this.#ended.has(leaseName(job, lease));
  }

  jobFact(key: string): Fact<JobContext> | undefined {
    return this.actors.get(key) as Fact<JobContext> | undefined;
  }

  quotaFact(accountId: string): Fact<QuotaContext> | undefined {
    return this.actors.get(`${accountId}/quota/${accountId}`) as Fact<QuotaContext> | undefined;
  }

  get openJobs(): Fact<JobContext>[] {
    return [...this.actors.values()].filter(
      (fact): fact is Fact<JobContext> => fact.ref.kind === 'job' && !fact.isSettled,
    );
  }
}

interface Parsed {
  readonly context: unknown;
  readonly status: string;
  readonly timers: Fact['timers'];
}

export const sameLease = (one: Lease | null, other: Lease | null): boolean =>
  one === other ||
  (one !== null &&
    other !== null &&
    one.attempt === other.attempt &&
    one.worker === other.worker &&
    one.epoch === other.epoch);

const leaseName = (job: string, { attempt, worker, epoch }: Lease): string =>
  `${job} ${attempt} ${worker} ${epoch}`;

export const ENDS: ReadonlySet<string> = new Set([
  'succeeded',
  'failed',
  'cancelled',
  'expired',
  'refused',
]);

function noteRun(job: JobFacts, { from, to }: Turn['row'], event: Turn['event']): void {
  const isRunning = to === 'assigned.executing';
  if (isRunning && from !== to) job.startedAt = event.at;
  if (job.isSettled && job.startedAt !== null) job.ranMs = event.at - job.startedAt;
  if (!isRunning) job.startedAt = null;
  if (job.isSettled && event.type === 'job.cancelRequested') job.cancelledBy = event.by ?? 'person';
}

const born = (event: ActorEvent): JobFacts => ({
  spec: (event as { spec: JobSpec }).spec,
  attempt: 1,
  lease: null,
  holds: 0,
  closings: 0,
  heldMt: 0,
  spentMt: 0,
  startedAt: null,
  ranMs: null,
  cancelledBy: null,
  isSettled: false,
  crashedBy: new Set(),
});

function leaseAfter({ row, event, leaseBefore }: Omit<Turn, 'wasSettled'>, job: JobFacts) {
  if (!row.to.startsWith('assigned')) return null;
  if (event.type === 'job.dispatched')
    return { attempt: job.attempt, worker: event.worker, epoch: event.epoch };
  if (event.type === 'run.adoptionOffered' && leaseBefore === null) {
    const { attempt, worker, epoch } = event;
    return { attempt, worker, epoch };
  }
  return leaseBefore;
}
