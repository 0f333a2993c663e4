// Told of all that the store carried out, before anybody else: keeps the books, and holds every commit
// against the invariants.
import type { CommitBatch, CommitResult } from '../../db/store.ts';
import { refKey } from '../../machines/contract/ids.ts';
import type { WorkerContext } from '../../machines/worker/context.ts';
import type { Commit } from './books.ts';
import { checkZeroSum } from './invariants-of-money.ts';
import { AFTER_EVERY_COMMIT } from './invariants.ts';
import type { Owner } from './scheduler.ts';
import { seenInCommit } from './seen.ts';
import { rareTurn } from './sometimes.ts';
import { WaitingRoom } from './waiting-room.ts';
import type { World } from './world.ts';

/** Longer than jobs rest whose assignment did not come about. */
const RESTS_MS = 3_000;

export class Auditor {
  readonly #world: World;
  readonly room = new WaitingRoom();
  /** When a runtime last had to do something again: what it had given away then rests for a second. */
  readonly #troubledAt = new WeakMap<Owner, number>();
  /** Attempts at a worker that are nobody's any more: told to stop, and hold no slot. */
  readonly #unclaimed = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  wrote(batch: CommitBatch, result: CommitResult, runtime: Owner): void {
    const world = this.#world;
    const { books, check } = world;
    const commit = books.apply(batch, result);
    world.trace.note(result.at, runtime.name, batch.batchId);
    this.#readTurns(commit, runtime);
    this.#noteGivenUp(commit);
    for (const { id } of commit.orders) world.history.orderCommitted(id);
    for (const { ref, reason } of commit.parked)
      world.violate(
        reason.includes('read only') || reason.includes('not extensible')
          ? 'I25 no sharing'
          : 'I0 no programmer error',
        `${refKey(ref)} was parked: ${reason}`,
      );
    seenInCommit(world, commit);
    const isUploaded = world.files.has;
    const leaseTerm = (name: string, at: number) => {
      const lease = world.memory.tables.leases.get(name);
      return lease && lease.holder !== null && lease.expiresAt > at ? lease.term : null;
    };
    const { room } = this;
    // Of a commit that lost a part, the rest was decided on what has not come about: a job that had ended, say.
    const isWhole = result.lost.length === 0;
    const isCalm = isWhole && result.at - (this.#troubledAt.get(runtime) ?? 0) > RESTS_MS;
    const checked = { commit, books, check, room, isCalm, isUploaded, leaseTerm };
    for (const rule of AFTER_EVERY_COMMIT) {
      rule(checked);
      if (world.violation) return;
    }
  }

  #readTurns({ turns }: Commit, runtime: Owner): void {
    const world = this.#world;
    for (const { row, event } of turns) {
      const { id } = row.ref;
      world.trace.note(row.revision, id, row.to);
      world.tell(id, () => `${event.type}: ${row.from} > ${row.to} (${runtime.name})`, '·');
      if (event.type === 'worker.connected') this.#noteUnclaimed(id, event.attempts);
      if (event.sent !== undefined) world.history.applied(event.sent);
      for (const what of rareTurn(event.type, row)) world.seen(what);
    }
  }

  #noteUnclaimed(worker: string, attempts: readonly { job: string; attempt: number }[]): void {
    const slots = this.#world.books.workers.get(worker)?.context.run.slots ?? {};
    for (const { job, attempt } of attempts)
      if (slots[job]?.attempt !== attempt) this.#unclaimed.add(`${worker} ${job}.${attempt}`);
  }

  /** Whose model could not be loaded has failed. Its agent may have begun it all the same, until it is told. */
  #noteGivenUp({ turns, changes }: Commit): void {
    const failing = new Set(
      turns.flatMap(({ row, event }) => (event.type === 'model.loadFailed' ? [row.ref.id] : [])),
    );
    for (const { before, after } of changes) {
      const { id, kind } = after.ref;
      if (kind !== 'worker' || !failing.has(id) || !before) continue;
      const [had, has] = [before, after].map(
        ({ context }) => (context as WorkerContext).run.slots,
      ) as [WorkerContext['run']['slots'], WorkerContext['run']['slots']];
      for (const [job, { attempt }] of Object.entries(had))
        if (!(job in has)) this.#unclaimed.add(`${id} ${job}.${attempt}`);
    }
  }

  isUnclaimed(worker: string, attemptKey: string): boolean {
    return this.#unclaimed.has(`${worker} ${attemptKey}`);
  }

  troubled(runtime: Owner): void {
    this.#troubledAt.set(runtime, this.#world.scheduler.now);
  }

  refused(batch: CommitBatch, error: Error): void {
    checkZeroSum(batch.ledger, this.#world.check);
    this.#world.violate(
      'I0 no programmer error',
      `The store refused ${batch.batchId}: ${error.message}`,
    );
  }

  outcomeUnknown(isWritten: boolean): void {
    this.#world.seen(
      isWritten
        ? 'A commit of unknown outcome was written.'
        : 'A commit of unknown outcome was not written.',
    );
  }

  wroteLate({ lost }: CommitResult): void {
    this.#world.seen(
      lost.length > 0
        ? 'A late commit arrives too late and is lost.'
        : 'A commit of unknown outcome arrives late and counts.',
    );
  }
}
