// The runtime as the benchmark drives it: the real core on a real Postgres, an in-process worker that
// speaks the worker protocol, accounts that never run out of tokens. Nothing is skipped: every job is
// held, queued, dispatched through the policy, acknowledged, started, finished and charged.
import { PostgresStore } from '../../db/postgres-store.ts';
import { jobRef, quotaRef } from '../../machines/contract/ids.ts';
import type { JobSpec } from '../../machines/contract/events.ts';
import type { ModelOffer } from '../../machines/contract/models.ts';
import type { AgentFrame, RuntimeFrame } from '../../machines/contract/worker-protocol.ts';
import { StoreClock, realIds } from '../../runtime/clock.ts';
import { makeCore, type Core } from '../../runtime/core.ts';

const ACCOUNTS = 50;
/** The smallest price: a pro account's day has tokens for 6,000 of these. */
const COST_MT = 50;
/** A graphics card does a few things at once, not sixty-four. */
const SLOTS_PER_WORKER = 4;
const BLOB = `sha256:${'00'.repeat(32)}`;

const MODEL: ModelOffer = {
  id: 'no-op',
  name: 'no-op',
  engine: 'bench',
  modality: 'image',
  description: 'Does nothing at once.',
  vramBytes: 0,
  loadMs: 0,
  runMs: 1,
  limits: {},
  styles: [],
  voices: [],
};

export interface Engine {
  readonly core: Core;
  readonly counts: () => { commits: number; turns: number };
  /** Resolves when the job is durable. */
  submit(n: number): Promise<void>;
  /** Called when the agent is told to run job n, and when its end is committed. */
  onStart(listener: (n: number) => void): void;
  onSettled(listener: (n: number) => void): void;
  stop(): Promise<void>;
}

export async function startEngine(url: string, slots: number): Promise<Engine> {
  const store = new PostgresStore({ url });
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
    runtimeId: 'bench',
    version: 'bench',
    log: (message) => console.error(message),
  });
  await core.start();
  await fillAccounts(core);
  const listeners = { start: ignore, settled: ignore };
  const agents = Array.from(
    { length: Math.ceil(slots / SLOTS_PER_WORKER) },
    (_, n) => new NoOpAgent(core, `wrk_${n}`, Math.min(slots, SLOTS_PER_WORKER), listeners),
  );
  await Promise.all(agents.map((agent) => agent.ready));

  return {
    core,
    counts: () => ({ ...counts }),
    async submit(n) {
      const outcome = await core.turns.post(jobRef(`acc_${n % ACCOUNTS}`, `job_${n}`), {
        type: 'job.submitRequested',
        spec: specOf(n),
        impossible: null,
      });
      if (!outcome.ok) throw new Error(`Job ${n} was refused: ${outcome.refusal.code}.`);
    },
    onStart: (listener) => (listeners.start = listener),
    onSettled: (listener) => (listeners.settled = listener),
    async stop() {
      await core.stop();
      await store.close();
    },
  };
}

const specOf = (n: number): JobSpec => ({
  id: `job_${n}`,
  accountId: `acc_${n % ACCOUNTS}`,
  modality: 'image',
  model: MODEL.id,
  prompt: 'the quick brown fox jumps over the lazy dog; pack my box with five dozen jugs',
  params: { width: 256, height: 256, seed: n },
  inputs: [],
  count: 1,
  costMt: COST_MT,
  work: 0.0625,
  timeLimitMs: 60_000,
  deadlineMs: 3_600_000,
  origin: null,
  bodyHash: String(n),
});

async function fillAccounts(core: Core): Promise<void> {
  const accounts = Array.from({ length: ACCOUNTS }, (_, n) => quotaRef(`acc_${n}`));
  await Promise.all(
    accounts.map((quota) => core.turns.post(quota, { type: 'plan.changed', plan: 'pro' })),
  );
}

interface Listeners {
  start: (n: number) => void;
  settled: (n: number) => void;
}

const ignore = (_: number): void => undefined;

/** A worker whose engine does nothing, at once. Frames are text, as on the wire. */
class NoOpAgent {
  readonly ready: Promise<void>;
  readonly #listeners: Listeners;
  readonly #wire: { receive(text: string): void };
  #isReady: () => void = () => undefined;

  constructor(core: Core, worker: string, slots: number, listeners: Listeners) {
    this.#listeners = listeners;
    this.ready = new Promise((resolve) => (this.#isReady = resolve));
    this.#wire = core.sessions.accept(
      {
        send: (text) => this.#hear(JSON.parse(text) as RuntimeFrame),
        close: () => undefined,
        bufferedBytes: () => 0,
      },
      worker,
    );
    this.#say({
      type: 'hello',
      protocol: 1,
      epoch: 'bench',
      name: worker,
      version: '1',
      gpu: null,
      slots,
      models: [MODEL],
      loaded: [MODEL.id],
      attempts: [],
    });
  }

  #say(frame: AgentFrame): void {
    this.#wire.receive(JSON.stringify(frame));
  }

  #hear(frame: RuntimeFrame): void {
    if (frame.type === 'welcome') setImmediate(this.#isReady);
    if (frame.type === 'settled') this.#listeners.settled(numberOf(frame.job));
    if (frame.type !== 'run') return;
    const { job, attempt } = frame;
    this.#listeners.start(numberOf(job));
    this.#say({ type: 'acknowledged', command: frame.id });
    this.#say({ type: 'started', job, attempt });
    const outputs = [{ blob: BLOB, bytes: 1, mediaType: 'image/png', facts: {} }];
    this.#say({ type: 'finished', job, attempt, outputs, runMs: 0 });
  }
}

const numberOf = (job: string): number => Number(job.slice('job_'.length));
