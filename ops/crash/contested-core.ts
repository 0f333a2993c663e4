// One of several runtimes, without doors, that all do turns of one account as fast as they can. Started by
// `contested-run.ts`, which is told how far it is and says when to stop.
import { PostgresStore } from '../../db/postgres-store.ts';
import type { CommitBatch, CommitResult } from '../../db/store.ts';
import type { JobSpec, Plan } from '../../machines/contract/events.ts';
import { jobRef, quotaRef } from '../../machines/contract/ids.ts';
import { realIds, StoreClock } from '../../runtime/clock.ts';
import { makeCore } from '../../runtime/core.ts';

export interface Told {
  /** Written by this process. */
  readonly turns: number;
  readonly commits: number;
  /** Components that another process's commit made void; they were computed anew. */
  readonly lost: number;
  /** Events that were given back to their caller after many tries. */
  readonly turnedDown: number;
  /** Sent once, at the end: every job that was promised here. */
  readonly jobs?: readonly string[];
}

/** Counts what it writes; the store itself is the real one. */
class CountingStore extends PostgresStore {
  turns = 0;
  commits = 0;
  lost = 0;

  override async commit(batch: CommitBatch): Promise<CommitResult> {
    const result = await super.commit(batch);
    const lost = new Set(result.lost);
    this.turns += batch.journal.filter(({ component }) => !lost.has(component)).length;
    this.commits += 1;
    this.lost += lost.size;
    return result;
  }
}

const [url = '', account = '', name = ''] = process.argv.slice(2);
const COST_MT = 50;
const AT_ONCE = 32;
const TELL_MS = 100;
/** One in so many jobs is asked for by every process, under one name; one in so many rounds changes the plan. */
const SHARED = 4;
const PLAN_CHANGE = 50;
const PLANS: readonly Plan[] = ['pro', 'free', 'starter'];

const store = new CountingStore({ url });
const core = makeCore({
  ...{ store, ids: realIds, clock: new StoreClock(), runtimeId: name, version: 'contested' },
  isStored: () => Promise.resolve(true),
  // Tries again are what this is about; they are counted.
  log: () => undefined,
});
const jobs = new Set<string>();
let rounds = 0;
let turnedDown = 0;
let isStopping = false;

const specOf = (id: string): JobSpec => ({
  ...{ id, accountId: account, modality: 'text', model: 'none', prompt: 'a word', inputs: [] },
  ...{
    params: { max_tokens: 1, temperature: 0 },
    count: 1,
    costMt: COST_MT,
    secondMt: 1,
    work: 0.05,
  },
  ...{ timeLimitMs: 60_000, deadlineMs: 3_600_000, origin: null, bodyHash: id },
});

/** Until it is carried out: "try again" is no answer. */
async function post(...event: Parameters<typeof core.turns.post>) {
  for (;;) {
    try {
      return await core.turns.post(...event);
    } catch (error) {
      if ((error as Error).name !== 'Overloaded') throw error;
      turnedDown += 1;
    }
  }
}

async function rush(): Promise<void> {
  while (!isStopping) {
    const round = rounds++;
    const id = round % SHARED === 0 ? `job_shared_${round}` : `job_${name}_${round}`;
    const submitted = await post(jobRef(account, id), {
      ...{ type: 'job.submitRequested', spec: specOf(id), impossible: null },
    });
    if (!submitted.ok) throw new Error(`${id} was refused: ${submitted.refusal.code}`);
    jobs.add(id);
    if (round % PLAN_CHANGE === 0)
      await post(quotaRef(account), { type: 'plan.changed', plan: PLANS[round % PLANS.length]! });
    await post(jobRef(account, id), { type: 'job.cancelRequested' });
  }
}

const told = (): Told => ({
  ...{ turns: store.turns, commits: store.commits, lost: store.lost, turnedDown },
});

await core.start();
const telling = setInterval(() => process.connected && process.send?.(told()), TELL_MS);
const stop = (): void => void (isStopping = true);
process.once('message', stop);
process.once('disconnect', stop);
await Promise.all(Array.from({ length: AT_ONCE }, rush));
clearInterval(telling);
await core.stop();
await store.close();
// A long message: the channel may close only when it has left.
process.send?.({ ...told(), jobs: [...jobs] } satisfies Told, undefined, {}, () => {
  if (process.connected) process.disconnect();
});
