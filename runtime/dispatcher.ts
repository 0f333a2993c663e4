// Gives waiting jobs to workers. Keeps the queue and the fleet as last committed, asks the policy, and
// commits each decision as a turn of the job and the worker. Decides only while it holds its lease.
import type { Store, StoredActor } from '../db/store.ts';
import type { JobSpec, Plan } from '../machines/contract/events.ts';
import { jobRef } from '../machines/contract/ids.ts';
import type { Modality, ModelOffer } from '../machines/contract/models.ts';
import type { EtaView, ModelView, StatusView } from '../machines/contract/views.ts';
import type { JobContext } from '../machines/job/context.ts';
import { decide, type Decision, type WaitingJob } from '../machines/scheduling/policy.ts';
import { isSettled, isUnreadable, stateName, type Actor } from './actor.ts';
import type { Clock } from './clock.ts';
import type { Component } from './component.ts';
import { Fleet } from './fleet.ts';
import type { Leases } from './leases.ts';
import { Outlooks } from './outlooks.ts';
import { Queue } from './queue.ts';
import type { Reader } from './reader.ts';
import type { Turns } from './turn.ts';
import { contextOf, type Outlook } from './views.ts';

/** After a decision that did not hold, the job rests this long, so that a wrong view cannot spin. */
const REST_MS = 1_000;
/** Ended jobs remembered: more than can end while a row is on its way here. */
const ENDED_MAX = 10_000;

interface Seams {
  readonly store: Store;
  readonly clock: Clock;
  readonly leases: Leases;
  readonly post: Turns['post'];
  readonly reader: Reader;
  readonly version: string;
  /** Is the worker's socket open, as far as this runtime can know? */
  readonly isConnected: (workerId: string, runtime: string) => boolean;
}

export class Dispatcher {
  readonly #seams: Seams;
  readonly #queue = new Queue();
  readonly #fleet = new Fleet();
  readonly #outlooks = new Outlooks(this.#queue, this.#fleet);
  /** Live jobs that are not in the queue: backing off, assigned. By id: modality and phase. */
  readonly #live = new Map<string, { modality: Modality; running: boolean; revision: number }>();
  /** A row read before their end would bring them back. */
  readonly #ended = new Set<string>();
  #scheduled = false;

  constructor(seams: Seams) {
    this.#seams = seams;
  }

  /**
   * Fills the queue and the fleet from `actors`: at start, and whenever the lease comes here. What was
   * committed meanwhile is newer than the rows and stays.
   */
  async rebuild(): Promise<void> {
    const { store } = this.#seams;
    const known = [...this.#live.keys()];
    const jobs = await store.listWithout('job', 'settled');
    const workers = await store.listWithout('worker', 'settled');
    for (const row of [...jobs, ...workers]) this.#seen(row);
    const open = new Set(jobs.map(({ ref }) => ref.id));
    for (const id of known) if (!open.has(id)) this.#forget(id); // ended by another runtime
    this.#schedule();
  }

  #seen(row: StoredActor): void {
    if (row.parked) return;
    const actor = this.#seams.reader.read(row);
    if (!isUnreadable(actor)) this.#note(actor);
  }

  /** Called with every committed component of this runtime. */
  committed(component: Component): void {
    for (const { after } of component.turned.values()) this.#note(after);
    this.#schedule();
  }

  #note(actor: Actor): void {
    if (actor.ref.kind === 'worker') this.#fleet.set(actor);
    else if (actor.ref.kind === 'job') this.#noteJob(actor);
  }

  #noteJob(actor: Actor): void {
    const { id } = actor.ref;
    if (isSettled(actor)) {
      this.#forget(id);
      this.#outlooks.learn(contextOf<JobContext>(actor));
      return;
    }
    if (this.#ended.has(id)) return;
    if ((this.#live.get(id)?.revision ?? 0) > actor.revision) return;
    const { spec, run } = contextOf<JobContext>(actor);
    const running = actor.snapshot.hasTag('running');
    this.#live.set(id, { modality: spec.modality, running, revision: actor.revision });
    if (stateName(actor.snapshot.value) === 'queued') this.#queue.set(waiting(spec, run));
    else this.#queue.remove(id);
  }

  #forget(id: string): void {
    this.#queue.remove(id);
    this.#live.delete(id);
    this.#ended.add(id);
    for (const oldest of this.#ended) {
      if (this.#ended.size <= ENDED_MAX) break;
      this.#ended.delete(oldest);
    }
  }

  /** One pass per tick, however many commits asked for it. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#runOnce();
    });
  }

  #runOnce(): void {
    const { leases, clock } = this.#seams;
    if (this.#queue.size === 0 || !leases.held('dispatcher')) return;
    const fleet = this.#fleet.available(this.#seams.isConnected);
    if (fleet.length === 0) return;
    for (const decision of decide(this.#queue.groups, fleet, clock.now()))
      void this.#commit(decision);
  }

  async #commit({ job, worker }: Decision): Promise<void> {
    const { post, leases, clock } = this.#seams;
    const fence = leases.held('dispatcher');
    if (!fence) return;
    this.#queue.remove(job.id);
    const done = this.#fleet.reserve(worker.id, job.model);
    let held = false;
    try {
      const event = { type: 'job.dispatched', worker: worker.id, epoch: worker.epoch } as const;
      const outcome = await post(jobRef(job.accountId, job.id), event, { fence });
      held =
        outcome.ok &&
        outcome.actor !== null &&
        stateName(outcome.actor.snapshot.value) !== 'queued';
    } catch {
      // The store or the mailbox is in trouble; the job is still queued.
    } finally {
      done();
      this.#schedule(); // the slot was counted twice until now
    }
    if (held) return;
    this.#queue.remove(job.id);
    await clock.sleep(REST_MS);
    const [row] = await this.#seams.store.load([jobRef(job.accountId, job.id)]).catch(() => []);
    if (row) this.#seen(row);
    else if (this.#live.has(job.id)) this.#queue.set(job);
    this.#schedule();
  }

  worker(id: string): Actor | null {
    return this.#fleet.get(id);
  }

  get waiting(): Iterable<WaitingJob> {
    return this.#queue.jobs;
  }

  outlook(jobId: string): Outlook {
    return this.#outlooks.of(jobId);
  }

  etaOf(spec: Pick<JobSpec, 'model' | 'work'>, plan: Plan): EtaView | null {
    return this.#outlooks.ifSubmitted(spec, plan, this.#seams.clock.now());
  }

  offerFor(modality: Modality, model: string | null): ModelOffer | null {
    return this.#fleet.offerFor(modality, model);
  }

  models(): ModelView[] {
    return this.#fleet.models();
  }

  status(): StatusView {
    const by_modality = { image: 0, video: 0, text: 0, audio: 0, transcript: 0 };
    let running = 0;
    for (const job of this.#live.values()) {
      by_modality[job.modality] += 1;
      if (job.running) running += 1;
    }
    return {
      object: 'status',
      version: this.#seams.version,
      queue: { waiting: this.#live.size - running, running, by_modality },
      workers: this.#fleet.views(),
    };
  }
}

const waiting = (spec: JobContext['spec'], run: JobContext['run']): WaitingJob => ({
  id: spec.id,
  accountId: spec.accountId,
  model: spec.model,
  plan: run.plan,
  queuedAt: run.submittedAt,
  work: spec.work,
  failedOn: run.failedOn,
});
