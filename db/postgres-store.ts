// The Store on Postgres. The commit is one prepared statement (`commit-statement.ts`); all else is small.
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type ActorKind, type ActorRef, refKey } from '../machines/contract/ids.ts';
import { checkBatch } from './batch.ts';
import { commitParameters } from './commit-rows.ts';
import { commitStatement } from './commit-statement.ts';
import {
  type Backend,
  ConnectionLost,
  type ConnectionOptions,
  Connections,
} from './connections.ts';
import type { Statement } from './connections.ts';
import { gathered } from './gathered.ts';
import * as statements from './store-statements.ts';
import {
  type CommitBatch,
  type CommitResult,
  type Learned,
  type Lease,
  type Store,
  type StoredActor,
  StoreUnavailable,
  UnknownOutcome,
} from './store.ts';

// Races between commits are settled by running again; five in a row mean that something else is wrong.
const COMMIT_ATTEMPTS = 5;

// How long a backend of a broken connection gets to end before we answer for its commit.
const END_BACKEND_MS = 5_000;

type CommitRow = [at: number, lost: string, from?: number | null, to?: number | null];

export class PostgresStore implements Store {
  readonly #connections: Connections;
  /** Commits whose connection broke: the backend may still be at work on them. */
  readonly #inDoubt = new Map<string, Backend>();

  constructor(options: ConnectionOptions) {
    this.#connections = new Connections(options);
  }

  async now(): Promise<number> {
    const [row] = await this.#ask(statements.NOW, []);
    return row?.[0] as number;
  }

  async load(refs: readonly ActorRef[]): Promise<readonly StoredActor[]> {
    const [first] = refs;
    if (first === undefined) return [];
    if (refs.length > 1) return this.#loadAll(refs);
    // Everybody who looks at a job asks for one actor: those who ask at once share a query.
    const found = await this.#loadOne(first);
    return found === undefined ? [] : [found];
  }

  readonly #loadOne = gathered(async (refs: readonly ActorRef[]) => {
    const asked = new Map(refs.map((ref) => [refKey(ref), ref]));
    const found = await this.#loadAll([...asked.values()]);
    const byKey = new Map(found.map((actor) => [refKey(actor.ref), actor]));
    return refs.map((ref) => byKey.get(refKey(ref)));
  });

  async #loadAll(refs: readonly ActorRef[]): Promise<readonly StoredActor[]> {
    const rows = await this.#ask(statements.LOAD, statements.refParameters(refs));
    const found = rows.map(statements.storedActor);
    if (found.length === refs.length) return found;
    const known = new Set(found.map(({ ref }) => refKey(ref)));
    const missing = refs.filter((ref) => ref.kind === 'job' && !known.has(refKey(ref)));
    return missing.length === 0 ? found : [...found, ...(await this.#loadArchived(missing))];
  }

  /** In the archive a job is as it ended. It takes no turns, so whoever loads it need not know. */
  async #loadArchived(refs: readonly ActorRef[]): Promise<readonly StoredActor[]> {
    const rows = await this.#ask(statements.LOAD_ARCHIVED, statements.refParameters(refs));
    return rows.map(statements.archivedActor);
  }

  async commit(batch: CommitBatch): Promise<CommitResult> {
    checkBatch(batch);
    const { sets, parameters } = commitParameters(batch);
    const statement = commitStatement(sets);
    for (let attempt = 1; ; attempt += 1) {
      try {
        const [row] = await this.#connections.query(statement, parameters);
        const [at, lost, from = null, to = null] = row as CommitRow;
        return {
          at,
          lost: lost === '' ? [] : lost.split(',').map(Number),
          published: from === null || to === null ? null : { from, to },
        };
      } catch (error) {
        if (error instanceof ConnectionLost) {
          this.#inDoubt.set(batch.batchId, error.backend);
          throw new UnknownOutcome(batch.batchId, { cause: error });
        }
        if (!isRace(error)) throw error;
        if (attempt === COMMIT_ATTEMPTS) {
          throw new StoreUnavailable('Too many commits race for the same rows. Try again.', {
            cause: error,
          });
        }
        await delay(Math.random() * 5 * 2 ** attempt);
      }
    }
  }

  async committed(batchId: string, ref: ActorRef, revision: number): Promise<boolean> {
    // The statement may still wait for a lock, or lie unread in the server's buffer. Until its backend is
    // gone, "no" would be a guess.
    const backend = this.#inDoubt.get(batchId);
    if (backend !== undefined) {
      const rows = await this.#ask(statements.END_BACKEND, [
        backend.pid,
        backend.startedAt,
        END_BACKEND_MS,
      ]);
      if (rows.some(([ended]) => ended === false)) {
        throw new StoreUnavailable(`Commit ${batchId} is still being decided. Ask again.`);
      }
      this.#inDoubt.delete(batchId);
    }
    const key = [ref.accountId, ref.kind, ref.id, revision, batchId];
    return (await this.#ask(statements.COMMITTED, key)).length > 0;
  }

  async listWithout(kind: ActorKind, tag: string): Promise<readonly StoredActor[]> {
    const rows =
      tag === 'settled'
        ? await this.#ask(statements.LIST_OPEN, [kind])
        : await this.#ask(statements.LIST_WITHOUT, [kind, tag]);
    return rows.map(statements.storedActor);
  }

  async dueTimers(limit: number) {
    return (await this.#ask(statements.DUE_TIMERS, [limit])).map(statements.dueTimer);
  }

  async nextTimerInMs(): Promise<number | null> {
    const [row] = await this.#ask(statements.NEXT_TIMER, []);
    return (row?.[0] ?? null) as number | null;
  }

  async outbox(destinations: readonly string[], limit: number) {
    if (destinations.length === 0) return [];
    const rows = await this.#ask(statements.OUTBOX, [destinations, limit]);
    return rows.map(statements.outboxRow);
  }

  async outboxDelivered(rows: readonly { accountId: string; id: string }[]): Promise<void> {
    if (rows.length === 0) return;
    await this.#ask(statements.OUTBOX_DELIVERED, statements.outboxParameters(rows));
  }

  async readStream(accountId: string | null, after: number, limit: number) {
    const rows =
      accountId === null
        ? await this.#ask(statements.READ_STREAM, [after, limit])
        : await this.#ask(statements.READ_STREAM_OF_ACCOUNT, [accountId, after, limit]);
    return rows.map(statements.streamRow);
  }

  async streamEntries(after: number, limit: number) {
    return (await this.#ask(statements.STREAM_ENTRIES, [after, limit])).map(statements.streamEntry);
  }

  async streamHead(): Promise<number> {
    const [row] = await this.#ask(statements.STREAM_HEAD, []);
    return row?.[0] as number;
  }

  async acquireLease(name: string, holder: string, ttlMs: number): Promise<Lease | null> {
    const [row] = await this.#ask(statements.ACQUIRE_LEASE, [name, holder, ttlMs]);
    return row === undefined ? null : { name, term: row[0] as number };
  }

  async releaseLease(lease: Lease, holder: string): Promise<void> {
    await this.#ask(statements.RELEASE_LEASE, [lease.name, lease.term, holder]);
  }

  async keepLearned(rows: readonly Learned[]): Promise<void> {
    if (rows.length === 0) return;
    await this.#ask(statements.KEEP_LEARNED, statements.learnedParameters(rows));
  }

  async learned(subject: string, after: number, limit: number) {
    const rows = await this.#ask(statements.LEARNED, [subject, after, limit]);
    return rows.map((row) => statements.learnedRow(subject, row));
  }

  async close(): Promise<void> {
    await this.#connections.close();
  }

  /** All statements but the commit may simply be repeated, so a broken connection is no riddle. */
  async #ask(statement: Statement, values: readonly unknown[]): Promise<readonly unknown[][]> {
    try {
      return await this.#connections.query(statement, values);
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      throw new StoreUnavailable(error.message, { cause: error });
    }
  }
}

/**
 * Two commits met: a deadlock, or both inserted the same new actor. The next run sees the other's rows and
 * reports ours as lost. Any other unique violation is a programmer error.
 */
function isRace(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return false;
  if (error.code === '40001' || error.code === '40P01') return true;
  return error.code === '23505' && error.constraint === 'actors_pkey';
}
