// Plays a trace through the real runtime in virtual time: the core with its dispatcher, and the real agent
// with its arbiter, over a simulated card. Each person submits each job at its time; nothing else is said.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAgent, type Agent } from '../../../adapters/worker/agent.ts';
import { bareHost } from '../../../adapters/worker/engine-host.ts';
import type { Timers } from '../../../adapters/worker/seams.ts';
import { MemoryStore } from '../../../db/memory-store.ts';
import type { JobSpec } from '../../../machines/contract/events.ts';
import { jobRef, quotaRef } from '../../../machines/contract/ids.ts';
import type { Modality } from '../../../machines/contract/models.ts';
import { PARAMS } from '../../../machines/contract/requests.ts';
import { timeLimitMs } from '../../../machines/pricing/price.ts';
import { isSettled, stateName } from '../../../runtime/actor.ts';
import { makeCore, type Core } from '../../../runtime/core.ts';
import { SimulatedCard } from '../../day/card.ts';
import { Random } from '../../simulation/random.ts';
import { Owner, Scheduler } from '../../simulation/scheduler.ts';
import { SimulatedClock, SimulatedIds } from '../../simulation/seams.ts';
import { createCardEngine, MB, modalityOf, type Span } from './card-engine.ts';
import { openVirtualSocket, uploadsTo } from './socket.ts';
import type { Trace, TracedJob, TracedWorker } from './trace.ts';

export interface PlayOptions {
  /** One way between the runtime and its workers. */
  readonly latencyMs: number;
  readonly loadNoise: (worker: string, model: string, count: number) => number;
}

export interface PlayedWorker {
  readonly worker: TracedWorker;
  readonly spans: readonly Span[];
}

export interface Played {
  readonly workers: readonly PlayedWorker[];
  /** By job: how it ended, and when its person could know; in milliseconds of the trace. */
  readonly ends: ReadonlyMap<number, { readonly state: string; readonly at: number }>;
  /** Virtual time at which the trace began. */
  readonly begin: number;
  /** Attempts that did not end well, and what the agents warned of. */
  readonly mishaps: readonly string[];
}

const DAY_MS = 86_400_000;
/** For everybody to be there before the first job comes. */
const LEAD_MS = 5_000;
/** A job that runs so much later is stuck. */
const PATIENCE_MS = 2 * DAY_MS;

export async function play(trace: Trace, options: PlayOptions): Promise<Played> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-played-'));
  const stage = new Stage(trace, options, folder);
  try {
    return await stage.play();
  } finally {
    await stage.close();
    await rm(folder, { recursive: true, force: true });
  }
}

const jobIdOf = ({ id }: TracedJob): string => `job_${id}`;
const accountOf = ({ user }: TracedJob): string => `acc_${user}`;

class Stage {
  readonly #trace: Trace;
  readonly #options: PlayOptions;
  readonly #folder: string;
  readonly #scheduler: Scheduler;
  readonly #core: Core;
  readonly #agents: Agent[] = [];
  readonly #workers: PlayedWorker[] = [];
  readonly #jobs = new Map<string, TracedJob>();
  readonly #ends = new Map<number, { state: string; at: number }>();
  readonly #blobs = new Set<string>();
  /** What waits for this machine's disk: virtual time stands still for it. */
  readonly #held = new Set<string>();
  readonly #mishaps: string[] = [];
  readonly #begin: number;
  #failure: Error | null = null;

  constructor(trace: Trace, options: PlayOptions, folder: string) {
    this.#trace = trace;
    this.#options = options;
    this.#folder = folder;
    for (const job of trace.jobs) this.#jobs.set(jobIdOf(job), job);
    const random = new Random(1);
    const midnight = Date.UTC(2026, 0, 1);
    this.#begin = midnight + LEAD_MS;
    const scheduler = new Scheduler(midnight, random.split('ties'));
    this.#scheduler = scheduler;
    const clock = new SimulatedClock(scheduler, new Owner('runtime'), random.split('clock'));
    this.#core = makeCore({
      store: new MemoryStore({ now: () => Math.floor(scheduler.now) }),
      clock,
      ids: new SimulatedIds(random.split('ids')),
      isStored: (_, { blob }) => Promise.resolve(this.#blobs.has(blob)),
      runtimeId: 'runtime-1',
      version: 'played',
      log: (message) => this.#mishaps.push(`the runtime logs: ${message}`),
      observe: ({ turned }) => {
        for (const { after } of turned.values())
          if (after.ref.kind === 'job' && isSettled(after)) {
            const state = stateName(after.snapshot.value);
            const job = this.#jobs.get(after.ref.id)!;
            this.#ends.set(job.id, { state, at: scheduler.now - this.#begin });
            if (state !== 'succeeded') this.#mishaps.push(`${after.ref.id} ${state}`);
          }
      },
    });
  }

  async play(): Promise<Played> {
    const { jobs, fleet } = this.#trace;
    const started = this.#core.start();
    await this.#until(LEAD_MS / 2);
    await started;
    for (const worker of fleet.workers) this.#connect(worker);
    this.#bringPlans();
    await this.#until(LEAD_MS);
    for (const job of jobs) this.#scheduler.after(job.t, null, 'submit', () => this.#submit(job));
    const last = (jobs.at(-1)?.t ?? 0) + PATIENCE_MS;
    await this.#until(last, () => this.#ends.size === jobs.length);
    return {
      workers: this.#workers.map(({ worker, spans }) => ({
        worker,
        spans: spans.map((span) => ({
          ...span,
          from: span.from - this.#begin,
          to: span.to - this.#begin,
        })),
      })),
      ends: this.#ends,
      begin: this.#begin,
      mishaps: this.#mishaps,
    };
  }

  /** Lets time pass, as far as nothing real has to be waited for. */
  async #until(delayMs: number, isDone = () => false): Promise<void> {
    let isThere = false;
    const end = this.#begin - LEAD_MS + delayMs;
    this.#scheduler.after(end - this.#scheduler.now, null, 'looks', () => (isThere = true));
    const isOver = () => isThere || isDone() || this.#failure !== null;
    while (!isOver()) {
      while (this.#held.size > 0) await new Promise((resolve) => setImmediate(resolve));
      await this.#scheduler.run(() => isOver() || this.#held.size > 0);
    }
    if (this.#failure) throw this.#failure;
  }

  #connect(worker: TracedWorker): void {
    const { loadNoise, latencyMs } = this.#options;
    const scheduler = this.#scheduler;
    const timers = timersOf(scheduler);
    const card = new SimulatedCard(worker.vram_mb * MB);
    const { engine, spans } = createCardEngine({
      ...{ trace: this.#trace, worker, card, timers },
      jobOf: (id) => this.#jobs.get(id)!,
      loadNoise: (model, count) => loadNoise(worker.id, model, count),
      made: (job) => this.#held.add(job),
    });
    this.#workers.push({ worker, spans });
    const greeting = `the folder of ${worker.id}`;
    this.#held.add(greeting);
    const warn = (facts: object, message: string): void =>
      void this.#mishaps.push(`${worker.id}: ${message} ${JSON.stringify(facts)}`);
    this.#agents.push(
      startAgent({
        ...{ url: 'http://runtime', key: '', name: worker.id, version: 'played', slots: 1 },
        folder: join(this.#folder, worker.id),
        gpu: { name: 'simulated', vramBytes: card.totalBytes },
        cardUsedBytes: () => Promise.resolve(card.usedBytes),
        hosts: [bareHost(engine)],
        log: {
          // Its report is sent now, or with the next welcome.
          info: (facts) => 'end' in facts && 'job' in facts && this.#held.delete(String(facts.job)),
          warn,
          error: warn,
        },
        seams: {
          timers,
          random: () => 0.5,
          fetch: uploadsTo(this.#blobs),
          openSocket: () => {
            this.#held.delete(greeting);
            return openVirtualSocket({
              ...{ scheduler, latencyMs, core: () => this.#core, workerId: `wrk_${worker.id}` },
            });
          },
        },
      }),
    );
  }

  #bringPlans(): void {
    const plans = new Map(this.#trace.jobs.map((job) => [accountOf(job), job.tier]));
    for (const [account, plan] of plans)
      if (plan !== 'free')
        void this.#core.turns.post(quotaRef(account), { type: 'plan.changed', plan });
  }

  #submit(job: TracedJob): void {
    const fail = (why: string): void => {
      this.#failure ??= new Error(`Job ${job.id} of the trace was not taken: ${why}`);
    };
    this.#core.turns
      .post(jobRef(accountOf(job), jobIdOf(job)), {
        type: 'job.submitRequested',
        spec: specOf(job, this.#trace),
        impossible: null,
      })
      .then(
        (outcome) => outcome.ok || fail(outcome.refusal.code),
        (error: Error) => fail(error.message),
      );
  }

  async close(): Promise<void> {
    let isStopped = false;
    const stopping = Promise.all(this.#agents.map((agent) => agent.close()))
      .then(() => this.#core.stop())
      .finally(() => (isStopped = true));
    while (!isStopped) {
      this.#scheduler.after(1_000, null, 'looks', () => undefined);
      const looks = this.#scheduler.count + 1;
      await this.#scheduler.run(() => isStopped || this.#scheduler.count >= looks);
    }
    await stopping;
  }
}

/** Of the size that makes what is expected of its model what the trace expects. */
function specOf(job: TracedJob, trace: Trace): JobSpec {
  const modality = modalityOf(job.kind);
  const { typ_ms } = trace.fleet.models[job.model]!;
  const work = job.est_ms / typ_ms;
  return {
    id: jobIdOf(job),
    accountId: accountOf(job),
    modality,
    model: job.model,
    prompt: 'as in the trace',
    params: PARAMS[modality].parse(paramsOf(job, modality, trace)),
    inputs: [],
    count: 1,
    costMt: 1,
    secondMt: 1,
    work,
    timeLimitMs: timeLimitMs(work, typ_ms),
    deadlineMs: PATIENCE_MS,
    origin: null,
    bodyHash: '',
  };
}

/** Different where the trace's batch keys are, and only there. */
function paramsOf({ batch_key }: TracedJob, modality: Modality, { jobs }: Trace): object {
  const keys = [...new Set(jobs.map((job) => job.batch_key))];
  const number = keys.indexOf(batch_key);
  if (modality === 'audio') return { seconds: 1 + number };
  return modality === 'image' || modality === 'video' ? { width: 64 + number } : {};
}

function timersOf(scheduler: Scheduler): Timers {
  return {
    now: () => scheduler.now,
    after: (delayMs, run) => {
      let isOff = false;
      scheduler.after(delayMs, null, 'timer', () => isOff || run());
      return () => void (isOff = true);
    },
  };
}
