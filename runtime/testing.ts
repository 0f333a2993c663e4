// Test equipment: a core over a store, and an agent that speaks the worker protocol without a socket.
import { MemoryStore } from '../db/memory-store.ts';
import type { Store } from '../db/store.ts';
import type { Channel } from '../machines/contract/channel.ts';
import type { JobSpec } from '../machines/contract/events.ts';
import { jobRef, quotaRef, workerRef, type ActorRef } from '../machines/contract/ids.ts';
import type { ModelOffer } from '../machines/contract/models.ts';
import type { AgentFrame, RuntimeFrame } from '../machines/contract/worker-protocol.ts';
import type { JobContext } from '../machines/job/context.ts';
import type { QuotaContext } from '../machines/quota/decisions.ts';
import { restore, stateName } from './actor.ts';
import { realIds, type Clock } from './clock.ts';
import { makeCore, type Core, type CoreSeams } from './core.ts';
import { BOOT_GRACE_MS } from './timers.ts';
import { contextOf } from './views.ts';

/** Moves only when told to. `sleep` ends when the time has come. */
export class ManualClock implements Clock {
  #now: number;
  #sleepers: { at: number; wake: () => void }[] = [];

  constructor(now = Date.UTC(2026, 0, 15, 12)) {
    this.#now = now;
  }

  now = (): number => this.#now;
  sync(): void {}

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (ms === 0) return void setImmediate(resolve);
      const sleeper = { at: this.#now + ms, wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', () => resolve(), { once: true });
      if (signal?.aborted) resolve();
    });
  }

  /** Wakes sleepers in order, letting what they cause run in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    for (;;) {
      const next = this.#sleepers.sort((a, b) => a.at - b.at)[0];
      if (!next || next.at > end) break;
      this.#sleepers.shift();
      this.#now = Math.max(this.#now, next.at);
      next.wake();
      await settled();
    }
    this.#now = end;
    await settled();
  }
}

/** Lets everything that is ready run: the memory store answers within microtasks. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export const BLOB = `sha256:${'ab'.repeat(32)}`;

export const everyFileIsStored = () => Promise.resolve(true);

/** What is stored, mostly of `acc_a` and `wrk_1`, with whom most tests are. */
function lookInto(store: Store) {
  const read = async (ref: ActorRef) => {
    const [row] = await store.load([ref]);
    return row ? restore(row) : null;
  };
  const job = (id: string, accountId = 'acc_a') => read(jobRef(accountId, id));
  return {
    job,
    stateOf: async (id: string) => stateName((await job(id))!.snapshot.value),
    runOf: async (id: string) => contextOf<JobContext>((await job(id))!).run,
    balance: async () => contextOf<QuotaContext>((await read(quotaRef('acc_a')))!).balance,
    workerState: async () => stateName((await read(workerRef('wrk_1')))!.snapshot.value),
  };
}

export interface TestCore extends Core, ReturnType<typeof lookInto> {
  readonly store: Store;
  readonly clock: ManualClock;
}

export async function testCore(
  options: {
    clock?: ManualClock;
    store?: Store;
    isStored?: () => Promise<boolean>;
    runtimeId?: string;
    observe?: CoreSeams['observe'];
    channel?: Channel;
  } = {},
): Promise<TestCore> {
  const clock = options.clock ?? new ManualClock();
  const store = options.store ?? new MemoryStore({ now: clock.now });
  const core = makeCore({
    store,
    clock,
    ids: realIds,
    isStored: options.isStored ?? everyFileIsStored,
    runtimeId: options.runtimeId ?? 'runtime-1',
    version: 'test',
    log: () => undefined,
    ...(options.observe && { observe: options.observe }),
    ...(options.channel && { channel: options.channel }),
  });
  await core.start();
  return Object.assign(core, { store, clock }, lookInto(store));
}

export const offer = (id = 'sketch', change: Partial<ModelOffer> = {}): ModelOffer => ({
  id,
  name: id,
  engine: 'test',
  modality: 'image',
  description: 'for tests',
  vramBytes: 1e9,
  loadMs: 500,
  runMs: 1000,
  limits: {},
  styles: [],
  voices: [],
  ...change,
});

export const spec = (id: string, change: Partial<JobSpec> = {}): JobSpec => ({
  id,
  accountId: 'acc_a',
  modality: 'image',
  model: 'sketch',
  prompt: 'a lighthouse',
  params: { width: 1024, height: 1024 },
  inputs: [],
  count: 1,
  costMt: 1000,
  secondMt: 100,
  work: 1,
  timeLimitMs: 60_000,
  deadlineMs: 3_600_000,
  origin: null,
  bodyHash: 'hash',
  ...change,
});

export const submit = (core: Core, job: JobSpec, impossible: string | null = null) =>
  core.turns.post(jobRef(job.accountId, job.id), {
    type: 'job.submitRequested',
    spec: job,
    impossible,
  });

/** A worker agent under a test's control: it says what it is told to say, and keeps what it hears. */
export class TestAgent {
  readonly heard: RuntimeFrame[] = [];
  readonly #wire: { receive(text: string): void; closed(): void };
  closeCode: number | null = null;

  constructor(core: Core, workerId: string) {
    this.#wire = core.sessions.accept(
      {
        send: (text) => void this.heard.push(JSON.parse(text) as RuntimeFrame),
        close: (code) => (this.closeCode = code),
        bufferedBytes: () => 0,
      },
      workerId,
    );
  }

  say(frame: AgentFrame): void {
    this.#wire.receive(JSON.stringify(frame));
  }

  hello(change: Partial<Extract<AgentFrame, { type: 'hello' }>> = {}): void {
    this.say({
      type: 'hello',
      protocol: 1,
      epoch: 'boot-1',
      name: 'test worker',
      version: '1',
      gpu: null,
      slots: 1,
      models: [offer()],
      loaded: [],
      attempts: [],
      ...change,
    });
  }

  /** The frames of a type heard so far. */
  of<T extends RuntimeFrame['type']>(type: T): Extract<RuntimeFrame, { type: T }>[] {
    return this.heard.filter(
      (frame): frame is Extract<RuntimeFrame, { type: T }> => frame.type === type,
    );
  }

  acknowledgeAll(): void {
    for (const frame of this.heard)
      if ('id' in frame) this.say({ type: 'acknowledged', command: frame.id });
  }

  finish(job: string, attempt = 1): void {
    const outputs = [{ blob: BLOB, bytes: 10, mediaType: 'image/png', facts: {} }];
    this.say({ type: 'finished', job, attempt, outputs, runMs: 1000 });
  }

  cut(): void {
    this.#wire.closed();
  }
}

/** A core that has started some time ago, and a worker that is connected to it. */
export async function ready(
  hello: Parameters<TestAgent['hello']>[0] = {},
): Promise<{ core: TestCore; agent: TestAgent }> {
  const core = await testCore();
  await core.clock.advance(BOOT_GRACE_MS);
  const agent = new TestAgent(core, 'wrk_1');
  agent.hello(hello);
  await settled();
  return { core, agent };
}

/** As `ready`, and the worker runs `job_1`. */
export async function started(): Promise<{ core: TestCore; agent: TestAgent }> {
  const { core, agent } = await ready();
  await submit(core, spec('job_1'));
  await settled();
  agent.acknowledgeAll();
  agent.say({ type: 'started', job: 'job_1', attempt: 1 });
  await settled();
  return { core, agent };
}
