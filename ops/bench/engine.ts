// The runtime as the benchmark drives it in process: the real core on a real Postgres, agents that speak the
// worker protocol without a socket. Nothing is skipped: every job is held, queued, dispatched through the
// policy, acknowledged, started, finished and charged.
import { PostgresStore } from '../../db/postgres-store.ts';
import type { JobSpec } from '../../machines/contract/events.ts';
import { jobRef, quotaRef } from '../../machines/contract/ids.ts';
import { realIds, StoreClock } from '../../runtime/clock.ts';
import { makeCore, type Core } from '../../runtime/core.ts';
import { MODEL, NoOpAgent, type AgentOptions } from './no-op-agent.ts';

/** 256x256; a pro account's day has tokens for 4,761 of these. */
const COST_MT = 63;
/** A graphics card does a few things at once, not sixty-four. */
export const SLOTS_PER_WORKER = 4;

export interface Engine {
  readonly core: Core;
  readonly counts: () => { commits: number; turns: number };
  /** Resolves when the job is durable. */
  submit(n: number): Promise<void>;
  /** Resolves when agents with that many slots together are connected. */
  connect(slots: number, agent: Pick<AgentOptions, 'handler' | 'settled'>): Promise<void>;
  stop(): Promise<void>;
}

export interface EngineOptions {
  readonly url: string;
  /** Jobs are spread over these; each is on the largest plan. */
  readonly accounts: number;
  readonly connectionsMax?: number;
  readonly fail: (error: Error) => void;
}

export async function startEngine(options: EngineOptions): Promise<Engine> {
  const { url, accounts, connectionsMax = 8, fail } = options;
  const store = new PostgresStore({ url, connectionsMax });
  const counts = { commits: 0, turns: 0 };
  const commit = store.commit.bind(store);
  store.commit = (batch) => {
    counts.commits += 1;
    counts.turns += batch.journal.length;
    return commit(batch);
  };
  const core = makeCore({
    store,
    clock: new StoreClock(),
    ids: realIds,
    isStored: () => Promise.resolve(true), // the no-op engine makes no files
    runtimeId: `bench-${process.pid}`,
    version: 'bench',
    log: (message) => fail(new Error(message)),
  });
  await core.start();
  await fillAccounts(core, accounts);
  const agents: NoOpAgent[] = [];

  return {
    core,
    counts: () => ({ ...counts }),
    async submit(n) {
      const spec = specOf(n, accounts);
      const event = { type: 'job.submitRequested', spec, impossible: null } as const;
      const outcome = await core.turns.post(jobRef(spec.accountId, spec.id), event);
      if (!outcome.ok) throw new Error(`Job ${n} was refused: ${outcome.refusal.code}.`);
    },
    async connect(slots, { handler, settled }) {
      for (let n = 0; n * SLOTS_PER_WORKER < slots; n++)
        agents.push(
          new NoOpAgent({
            name: `wrk_${n}`,
            slots: Math.min(SLOTS_PER_WORKER, slots - n * SLOTS_PER_WORKER),
            dial: (hear, gone) => dialIn(core, `wrk_${n}`, hear, gone),
            ...{ handler, settled },
          }),
        );
      await Promise.all(agents.map((agent) => agent.ready));
    },
    async stop() {
      // Agents first: what waits stays waiting.
      for (const agent of agents) agent.close();
      await core.stop();
      await store.close();
    },
  };
}

/** A connection without a socket. Frames are text, as on the wire. */
function dialIn(core: Core, worker: string, hear: (text: string) => void, gone: () => void) {
  const { receive, closed } = core.sessions.accept(
    { send: hear, close: () => setImmediate(gone), bufferedBytes: () => 0 },
    worker,
  );
  return { send: receive, close: closed };
}

export const accountOf = (n: number, accounts: number): string => `acc_${n % accounts}`;

export const specOf = (n: number, accounts: number): JobSpec => ({
  id: `job_${n}`,
  accountId: accountOf(n, accounts),
  modality: 'image',
  model: MODEL.id,
  prompt: 'the quick brown fox jumps over the lazy dog; pack my box with five dozen jugs',
  params: { width: 256, height: 256, seed: n },
  inputs: [],
  count: 1,
  costMt: COST_MT,
  secondMt: 1,
  work: 0.0625,
  timeLimitMs: 600_000,
  deadlineMs: 86_400_000,
  origin: null,
  bodyHash: String(n),
});

/** Fewer at a time than the mailbox holds. */
const FILL_AT_ONCE = 2_000;

async function fillAccounts(core: Core, accounts: number): Promise<void> {
  for (let first = 0; first < accounts; first += FILL_AT_ONCE) {
    const some = Array.from({ length: Math.min(FILL_AT_ONCE, accounts - first) }, (_, n) =>
      quotaRef(accountOf(first + n, accounts)),
    );
    await Promise.all(
      some.map((quota) => core.turns.post(quota, { type: 'plan.changed', plan: 'pro' })),
    );
  }
}
