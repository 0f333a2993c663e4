// Who waits, as the commits tell it: since when, for what, and how often somebody who came later went first.
import type { Plan } from '../../machines/contract/events.ts';
import type { PauseTarget } from '../../machines/contract/pauses.ts';
import type { JobContext } from '../../machines/job/context.ts';
import type { Commit, Fact } from './books.ts';

export interface Waiting {
  readonly id: string;
  readonly accountId: string;
  readonly model: string;
  readonly plan: Plan;
  readonly work: number;
  readonly queuedAt: number;
  /** It has stood in the line since then, untouched. */
  since: number;
  readonly failedOn: readonly string[];
  readonly isMoved: boolean;
  /** Jobs of others that came later, ask the same and went first. */
  passed: number;
}

/** A job that a commit gave to a worker. */
export interface Given {
  readonly job: Waiting;
  readonly worker: string;
  /** Of a shared engine call: it goes along with this job. */
  readonly along: string | null;
}

export class WaitingRoom {
  readonly #waiting = new Map<string, Waiting>();
  /** By account: when a worker last had one of its jobs. */
  readonly #servedAt = new Map<string, number>();
  /** What operators keep from being given out, and since when. */
  readonly pauses = new Map<string, PauseTarget & { readonly since: number }>();

  get all(): IteratorObject<Waiting> {
    return this.#waiting.values();
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Time has passed in which nobody could look. */
  anew(at: number): void {
    for (const waiting of this.#waiting.values()) waiting.since = at;
  }

  servedAt(accountId: string): number | null {
    return this.#servedAt.get(accountId) ?? null;
  }

  /** Since when it is kept back; null: it is not. */
  pausedSince({ model, plan }: Waiting, worker: string): number | null {
    const names = { queue: '', model, plan, worker };
    const own = [...this.pauses.values()].filter(({ scope, name }) => names[scope] === name);
    return own.length === 0 ? null : Math.min(...own.map(({ since }) => since));
  }

  /** What this commit took out of the room; asked before it is noted. */
  givenIn({ turns }: Commit): Given[] {
    return turns.flatMap(({ row, event }) => {
      const job = this.#waiting.get(row.ref.id);
      if (event.type !== 'job.dispatched' || !job) return [];
      const head = event.batch?.id.split('.')[0] ?? job.id;
      return [{ job, worker: event.worker, along: head === job.id ? null : head }];
    });
  }

  note({ at, turns, changes }: Commit): void {
    for (const { row } of turns)
      if (row.to.startsWith('assigned')) this.#servedAt.set(row.ref.accountId, at);
    for (const { after } of changes)
      if (after.ref.kind === 'job') this.#noteJob(after as Fact<JobContext>, at);
  }

  #noteJob({ ref, state, context: { spec, run } }: Fact<JobContext>, at: number): void {
    if (state !== 'queued') return void this.#waiting.delete(ref.id);
    this.#waiting.set(ref.id, {
      ...{ id: ref.id, accountId: ref.accountId, model: spec.model, plan: run.plan },
      ...{ work: spec.work, queuedAt: run.submittedAt, since: at, failedOn: run.failedOn },
      ...{ isMoved: run.place !== null, passed: 0 },
    });
  }
}
