// Test equipment: a small shop, the same every time. Three people, two unequal workers, a dozen jobs over three
// models; agents that obey, repeat their ends and come back. At moments counted in frames between agents
// and core, something can befall it.
import { MemoryStore } from '../db/memory-store.ts';
import { jobRef, quotaRef, workerRef } from '../machines/contract/ids.ts';
import type { AgentFrame, RuntimeFrame } from '../machines/contract/worker-protocol.ts';
import type { QuotaContext } from '../machines/quota/decisions.ts';
import type { WorkerContext } from '../machines/worker/context.ts';
import { restore } from './actor.ts';
import { makeCore, type Core } from './core.ts';
import { BLOB, everyFileIsStored, ManualClock, offer, spec, submit } from './testing.ts';
import { contextOf } from './views.ts';

const LOAD_MS = 700;
const RUN_MS = 1_500;
const STEP_MS = 200;
const GIVE_UP_MS = 300_000;
export const COST_MT = 1_000;

type RunOrder = Extract<RuntimeFrame, { type: 'run' }>;
type End = Extract<AgentFrame, { type: 'finished' | 'cancelled' }>;

interface Attempt {
  readonly order: RunOrder;
  state: 'waiting' | 'running' | 'ended';
  end: End | null;
}

const named = ({ job, attempt }: { job: string; attempt: number }) => ({ job, attempt });

/** One card with room for one model; what it was told, it does in order. */
export class ShopAgent {
  readonly #shop: Shop;
  readonly id: string;
  readonly #models: readonly string[];
  readonly #slots: number;
  #boot = 1;
  #connections = 0;
  #wire: { receive(text: string): void; closed(): void } | null = null;
  #loaded: string | null = null;
  #isLoading = false;
  #attempts = new Map<string, Attempt>();
  /** Jobs it was told to run. */
  readonly given: string[] = [];

  constructor(shop: Shop, id: string, models: readonly string[], slots: number) {
    this.#shop = shop;
    this.id = id;
    this.#models = models;
    this.#slots = slots;
  }

  connect(): void {
    const boot = this.#boot;
    const wire = this.#shop.core.sessions.accept(
      {
        send: (text) =>
          queueMicrotask(() => {
            if (this.#wire === wire) this.#hear(JSON.parse(text) as RuntimeFrame);
          }),
        close: () => {
          if (this.#wire === wire) this.cut(1_000);
        },
        bufferedBytes: () => 0,
      },
      this.id,
    );
    this.#wire = wire;
    this.#say({
      type: 'hello',
      ...{ protocol: 1, epoch: `boot-${boot}`, connection: (this.#connections += 1) },
      ...{ name: this.id, version: '1', gpu: null, slots: this.#slots },
      models: this.#models.map((id) => offer(id, { loadMs: LOAD_MS, runMs: RUN_MS })),
      loaded: this.#loaded === null ? [] : [this.#loaded],
      attempts: [...this.#attempts.values()].map(({ order }) => named(order)),
    });
  }

  /** The line breaks; what it works on goes on. */
  cut(backInMs: number): void {
    const wire = this.#wire;
    if (!wire) return;
    this.#wire = null;
    wire.closed();
    const boot = this.#boot;
    void this.#shop.clock.sleep(backInMs).then(() => boot === this.#boot && this.connect());
  }

  /** It dies, and comes back knowing nothing. */
  crash(backInMs: number): void {
    this.#wire?.closed();
    this.#wire = null;
    this.#boot += 1;
    this.#loaded = null;
    this.#isLoading = false;
    this.#attempts = new Map();
    void this.#shop.clock.sleep(backInMs).then(() => this.connect());
  }

  beat(): void {
    this.#say({ type: 'heartbeat' });
  }

  #say(frame: AgentFrame): void {
    if (!this.#wire) return;
    this.#wire.receive(JSON.stringify(frame));
    if (frame.type !== 'heartbeat') this.#shop.passed();
  }

  #hear(frame: RuntimeFrame): void {
    if ('id' in frame) this.#say({ type: 'acknowledged', command: frame.id });
    if (frame.type === 'welcome')
      for (const { end } of this.#attempts.values()) if (end) this.#say(end);
    if (frame.type === 'settled') this.#attempts.delete(keyOf(frame));
    if (frame.type === 'load') void this.#load(frame.model);
    if (frame.type === 'run') this.#take(frame);
    if (frame.type === 'cancel') {
      const attempt = this.#attempts.get(keyOf(frame));
      if (attempt) this.#end(attempt, { ...named(frame), type: 'cancelled' });
      else this.#say({ ...named(frame), type: 'cancelled' });
    }
    this.#shop.passed();
    this.#pump();
  }

  #take(order: RunOrder): void {
    this.given.push(order.job);
    const known = this.#attempts.get(keyOf(order));
    if (known?.end) this.#say(known.end);
    if (!known) this.#attempts.set(keyOf(order), { order, state: 'waiting', end: null });
  }

  async #load(model: string): Promise<void> {
    const boot = this.#boot;
    if (this.#loaded !== model) {
      this.#isLoading = true;
      if (this.#loaded !== null) this.#say({ type: 'unloaded', model: this.#loaded });
      this.#loaded = null;
      await this.#shop.clock.sleep(LOAD_MS);
      if (boot !== this.#boot) return;
      this.#isLoading = false;
      this.#loaded = model;
    }
    this.#say({ type: 'loaded', model, loadMs: LOAD_MS, vramBytes: 1 });
    this.#pump();
  }

  #pump(): void {
    if (this.#isLoading) return;
    const waiting = [...this.#attempts.values()].filter(({ state }) => state === 'waiting');
    for (const attempt of waiting)
      if (attempt.order.model === this.#loaded) void this.#run(attempt);
    const isBusy = [...this.#attempts.values()].some(({ state }) => state === 'running');
    const [next] = waiting.filter(({ state }) => state === 'waiting');
    // Its model had to leave since it was ordered, or was lost with the line.
    if (next && !isBusy) void this.#load(next.order.model);
  }

  async #run(attempt: Attempt): Promise<void> {
    attempt.state = 'running';
    this.#say({ ...named(attempt.order), type: 'started' });
    await this.#shop.clock.sleep(RUN_MS * (attempt.order.work ?? 1));
    const outputs = [{ blob: BLOB, bytes: 10, mediaType: 'image/png', facts: {} }];
    this.#end(attempt, { ...named(attempt.order), type: 'finished', outputs, runMs: RUN_MS });
    this.#pump();
  }

  #end(attempt: Attempt, end: End): void {
    if (this.#attempts.get(keyOf(attempt.order)) !== attempt) return; // of an earlier boot, or settled
    attempt.state = 'ended';
    attempt.end ??= end;
    this.#say(attempt.end);
  }
}

const keyOf = ({ job, attempt }: { job: string; attempt: number }) => `${job} ${attempt}`;

/** By account, its plan and what it asks for. */
const PEOPLE = {
  acc_pro: ['pro', ['sketch', 'film', 'sketch']],
  acc_heavy: ['free', ['paint', 'paint', 'paint', 'sketch', 'paint', 'paint']],
  acc_light: ['free', ['sketch', 'paint', 'film']],
} as const;

export const JOBS: readonly { readonly id: string; readonly accountId: string }[] = Object.entries(
  PEOPLE,
).flatMap(([accountId, [, models]]) =>
  models.map((_, index) => ({ id: `job_${accountId.slice(4)}_${index}`, accountId })),
);

export type Mishap = (shop: Shop) => void;

export class Shop {
  readonly clock = new ManualClock();
  readonly memory = new MemoryStore({ now: this.clock.now });
  readonly core: Core;
  readonly agents: readonly ShopAgent[];
  /** Frames that have passed between agents and core. */
  frames = 0;
  readonly #mishaps: ReadonlyMap<number, Mishap>;

  /** @param mishaps what befalls it after so many frames */
  constructor(mishaps: ReadonlyMap<number, Mishap> = new Map()) {
    this.#mishaps = mishaps;
    this.core = makeCore({
      ...{ store: this.memory, clock: this.clock, runtimeId: 'runtime-1', version: 'test' },
      ids: plainIds(),
      isStored: everyFileIsStored,
      log: () => undefined,
    });
    this.agents = [
      new ShopAgent(this, 'wrk_large', ['sketch', 'paint', 'film'], 1),
      new ShopAgent(this, 'wrk_small', ['sketch', 'paint'], 2),
    ];
  }

  passed(): void {
    this.frames += 1;
    this.#mishaps.get(this.frames)?.(this);
  }

  /** From the first hello to the end of the last job. */
  async live(): Promise<void> {
    await this.core.start();
    await this.clock.advance(12_000);
    for (const agent of this.agents) agent.connect();
    for (const [account, [plan]] of Object.entries(PEOPLE))
      await this.core.turns.post(quotaRef(account), { type: 'plan.changed', plan });
    for (const [accountId, [, models]] of Object.entries(PEOPLE))
      for (const [index, model] of models.entries()) {
        const { id } = JOBS.find((job) => job.id.endsWith(`${accountId.slice(4)}_${index}`))!;
        const work = index % 2 === 0 ? 1 : 0.5;
        void submit(this.core, spec(id, { accountId, model, work, costMt: COST_MT }));
        await this.clock.advance(STEP_MS);
      }
    const end = this.clock.now() + GIVE_UP_MS;
    let beatAt = this.clock.now();
    while (!this.#isAtRest() && this.clock.now() < end) {
      await this.clock.advance(STEP_MS);
      if (this.clock.now() - beatAt < 10_000) continue;
      beatAt = this.clock.now();
      for (const agent of this.agents) agent.beat();
    }
  }

  #isAtRest(): boolean {
    return (
      JOBS.every(({ id }) => ENDS.has(this.stateOf(id) ?? '')) &&
      this.agents.every(({ id }) => this.slotsOf(id).length === 0)
    );
  }

  stateOf(id: string): string | undefined {
    const { accountId } = JOBS.find((job) => job.id === id)!;
    return this.#row(jobRef(accountId, id))?.state;
  }

  readonly slotsOf = (workerId: string): string[] => {
    const row = this.#row(workerRef(workerId));
    return row ? Object.keys(contextOf<WorkerContext>(restore(row)).run.slots) : [];
  };

  /** What was charged for each job, and what is still set aside. */
  books(): { charged: Record<string, number>; heldMt: number } {
    const charged: Record<string, number> = {};
    for (const { jobId, book, amountMt } of this.memory.tables.ledger.values())
      if (jobId !== null && book === 'system:spent')
        charged[jobId] = (charged[jobId] ?? 0) + amountMt;
    const held = Object.keys(PEOPLE).map((account) => {
      const row = this.#row(quotaRef(account));
      return row ? contextOf<QuotaContext>(restore(row)).balance.heldMt : 0;
    });
    return { charged, heldMt: held.reduce((sum, each) => sum + each, 0) };
  }

  #row(ref: ReturnType<typeof jobRef>) {
    return this.memory.tables.actors.get(`${ref.accountId}/${ref.kind}/${ref.id}`);
  }
}

const ENDS = new Set(['succeeded', 'failed', 'cancelled', 'expired']);

function plainIds() {
  let number = 0;
  const next = (prefix: string) => `${prefix}_${++number}`;
  return { make: next, uuid: () => next('uuid'), random: () => 0.5 };
}
