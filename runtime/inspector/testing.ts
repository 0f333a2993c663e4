// Test equipment: a whole life of jobs, workers and quotas over the memory store, led by one seed; and the
// memory store's journal as an inspector reads it.
import { MemoryStore } from '../../db/memory-store.ts';
import { jobRef, quotaRef, refKey } from '../../machines/contract/ids.ts';
import type { CoreSeams } from '../core.ts';
import { ManualClock, spec, submit, TestAgent, testCore, type TestCore } from '../testing.ts';
import type { History } from './history.ts';

export const historyIn = (store: MemoryStore): History => ({
  find: async (ref) => store.tables.actors.get(refKey(ref)) ?? null,
  rows: async (ref, after, limit) =>
    store.tables.journal
      .filter((row) => refKey(row.ref) === refKey(ref) && row.revision > after)
      .sort((a, b) => a.revision - b.revision)
      .slice(0, limit),
});

/** The same numbers for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const ACCOUNTS = ['acc_a', 'acc_b', 'acc_c'];

export class Life {
  readonly store: MemoryStore;
  readonly core: TestCore;
  readonly #random: () => number;
  #agents: TestAgent[] = [];
  #jobs = 0;
  readonly #boots: number[] = [];

  private constructor(store: MemoryStore, core: TestCore, seed: number) {
    this.store = store;
    this.core = core;
    this.#random = randomOf(seed);
  }

  static async begin(seed: number, observe?: CoreSeams['observe']): Promise<Life> {
    const clock = new ManualClock(Date.UTC(2026, 0, 15, 23, 59));
    const store = new MemoryStore({ now: clock.now });
    const life = new Life(
      store,
      await testCore({ clock, store, ...(observe && { observe }) }),
      seed,
    );
    for (const worker of [0, 1]) await life.#connect(worker);
    return life;
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#random() * list.length)];
  }

  /** @param attempts the same boot brings them back; without, the agent starts anew */
  async #connect(worker: number, attempts?: { job: string; attempt: number }[]): Promise<void> {
    const agent = (this.#agents[worker] = new TestAgent(this.core, `wrk_${worker}`));
    if (!attempts) this.#boots[worker] = (this.#boots[worker] ?? 0) + 1;
    agent.hello({ epoch: `boot-${this.#boots[worker]}`, slots: 2, attempts: attempts ?? [] });
    await this.core.clock.advance(1);
  }

  /** A few thousand things that happen, in any order. */
  async live(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) await this.#happen();
    await this.core.turns.idle();
  }

  async #happen(): Promise<void> {
    const { clock, turns } = this.core;
    const chance = this.#random();
    const account = this.#pick(ACCOUNTS)!;
    if (chance < 0.3) {
      const job = spec(`job_${++this.#jobs}`, {
        accountId: account,
        costMt: 500,
        deadlineMs: 30_000,
      });
      await submit(this.core, job);
    } else if (chance < 0.35) {
      const job = jobRef(account, `job_${Math.ceil(this.#random() * this.#jobs)}`);
      await turns.post(job, { type: 'job.cancelRequested' });
    } else if (chance < 0.37) {
      const plan = this.#pick(['free', 'starter', 'pro'] as const)!;
      await turns.post(quotaRef(account), { type: 'plan.changed', plan });
    } else if (chance < 0.39) {
      const worker = Math.floor(this.#random() * 2);
      const agent = this.#agents[worker]!;
      const runs = agent.of('run').slice(-2);
      agent.cut();
      await clock.advance(this.#random() * 6_000);
      const attempts = runs.map(({ job, attempt }) => ({ job, attempt }));
      await this.#connect(worker, this.#random() < 0.5 ? attempts : undefined);
    } else if (chance < 0.4) await clock.advance(30_000 + this.#random() * 20_000);
    else {
      this.#report(this.#pick(this.#agents)!);
      await clock.advance(this.#random() * 300);
    }
  }

  /** An agent does one of the things that it was told to. */
  #report(agent: TestAgent): void {
    const told = this.#pick(agent.heard.filter((frame) => 'id' in frame).slice(-4));
    if (!told) return;
    agent.acknowledgeAll();
    if (told.type === 'load')
      agent.say({ type: 'loaded', model: told.model, loadMs: 5, vramBytes: 1 });
    if (told.type === 'cancel')
      agent.say({ type: 'cancelled', job: told.job, attempt: told.attempt });
    if (told.type !== 'run') return;
    const { job, attempt } = told;
    agent.say({ type: 'started', job, attempt });
    const chance = this.#random();
    // Some failures may be tried again, others end the job.
    const code = chance < 0.9 ? 'engineCrashed' : 'unsupported';
    if (chance < 0.8) agent.finish(job, attempt);
    else agent.say({ type: 'failed', job, attempt, code, message: 'x' });
  }
}
