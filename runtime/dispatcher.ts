// Gives waiting jobs to workers. Keeps the queue and the fleet as last computed and asks the policy; each
// decision is a turn of the job and the worker, in the commit that made it possible: a job that finds a
// worker free is assigned in the commit of its submit. Decides only while it holds its lease.
import type { Lease, Store, StoredActor } from '../db/store.ts';
import { batchKeyOf } from '../machines/contract/batching.ts';
import type { JobEvent, JobSpec, Plan } from '../machines/contract/events.ts';
import { jobRef, quotaRef, refKey, workerRef, type ActorRef } from '../machines/contract/ids.ts';
import type { Modality } from '../machines/contract/models.ts';
import type { EtaView, ModelView, StatusView } from '../machines/contract/views.ts';
import type { JobContext } from '../machines/job/context.ts';
import type { Calibration } from '../machines/scheduling/calibration.ts';
import {
  decide,
  type Decision,
  type FleetWorker,
  type WaitingJob,
} from '../machines/scheduling/policy.ts';
import { dispatchWhy } from '../machines/scheduling/dispatch-why.ts';
import type { Times } from '../machines/scheduling/times.ts';
import { isSettled, isUnreadable, stateName, type Actor } from './actor.ts';
import type { Backlog } from './backlog.ts';
import type { Clock } from './clock.ts';
import type { Component } from './component.ts';
import type { KnownOffer } from './feasibility.ts';
import { Fleet } from './fleet.ts';
import type { Leases } from './leases.ts';
import { OpenJobs } from './open-jobs.ts';
import { Outlooks } from './outlooks.ts';
import { Queue } from './queue.ts';
import type { Lane } from './queue-bound.ts';
import type { Reader } from './reader.ts';
import type { Assigner } from './compute.ts';
import type { Mail } from './mailbox.ts';
import { Parked } from './parking.ts';
import type { Pauses } from './pauses.ts';
import { contextOf, type Outlook } from './views.ts';

/** After a decision that did not hold, the job rests this long, so that a wrong view cannot spin. */
const REST_MS = 1_000;
const ROWS_PER_PAUSE = 1_000;

interface Seams {
  readonly store: Store;
  readonly clock: Clock;
  readonly leases: Leases;
  readonly reader: Reader;
  readonly version: string;
  readonly pauses: Pauses;
  /** How long things take, as learned. */
  readonly times: Times;
  /** How far off it was what people were told. */
  readonly calibration: Calibration;
  /** Is the worker's socket open, as far as this runtime can know? */
  readonly isConnected: (workerId: string, runtime: string) => boolean;
  /** There may be something to assign. */
  readonly nudge: () => void;
}

export class Dispatcher implements Assigner {
  readonly #seams: Seams;
  readonly #queue = new Queue();
  readonly #fleet: Fleet;
  readonly #outlooks: Outlooks;
  readonly #open = new OpenJobs();
  /** Decided on, and not yet seen with a worker. One that is queued again was turned down. */
  readonly #decided = new Set<string>();
  #rebuilding: Promise<void> | null = null;
  /** The open jobs could not be read (yet): others may wait longer than those that are known. */
  #isBlind = true;
  readonly #resting = new Map<string, WaitingJob>();
  /** Jobs to be read anew. */
  readonly #unsure = new Map<string, ActorRef>();

  constructor(seams: Seams) {
    this.#seams = seams;
    this.#fleet = new Fleet({ times: seams.times, now: () => seams.clock.now() });
    this.#outlooks = new Outlooks({
      ...{ queue: this.#queue, fleet: this.#fleet, workers: () => this.#workers() },
      ...{ pauses: seams.pauses, times: seams.times, clock: seams.clock },
      calibration: seams.calibration,
    });
  }

  /**
   * Fills the queue and the fleet from `actors`: at start, and whenever the lease comes here. What was
   * committed meanwhile is newer than the rows and stays.
   */
  rebuild(): Promise<void> {
    this.#rebuilding ??= this.#rebuild()
      .catch((error: unknown) => {
        this.#isBlind = true;
        throw error;
      })
      .finally(() => (this.#rebuilding = null));
    return this.#rebuilding;
  }

  async #rebuild(): Promise<void> {
    const { store, clock } = this.#seams;
    const known = this.#open.refs;
    for (const row of await store.listWithout('worker', 'settled')) this.#seen(row);
    const jobs = await store.listWithout('job', 'settled');
    // In the order of the line, and with pauses in which others get their turn: they may be many.
    for (const [n, row] of jobs.toSorted((a, b) => a.createdAt - b.createdAt).entries()) {
      this.#seen(row);
      if (n % ROWS_PER_PAUSE !== ROWS_PER_PAUSE - 1) continue;
      this.#isBlind = false; // those that come are younger
      await clock.sleep(0);
    }
    this.#isBlind = false;
    const open = new Set(jobs.map(({ ref }) => ref.id));
    // Ended by another runtime; or new, and not in the store yet: those are not forgotten.
    const missing = known.filter(({ id }) => !open.has(id));
    for (const row of await store.load(missing)) this.#seen(row);
    this.#seams.nudge();
  }

  /** Jobs that another runtime has changed, and all workers, which are few. */
  async learn(changed: readonly { readonly ref: ActorRef; readonly revision: number }[]) {
    const { store } = this.#seams;
    for (const { ref, revision } of changed)
      if (this.#open.revisionOf(ref.id) < revision) this.#unsure.set(refKey(ref), ref);
    const asked = new Map(this.#unsure);
    for (const row of await store.load([...asked.values()])) this.#seen(row);
    for (const row of await store.listWithout('worker', 'settled')) this.#seen(row);
    for (const [key, ref] of asked) if (this.#unsure.get(key) === ref) this.#unsure.delete(key);
    this.#seams.nudge();
  }

  #seen(row: StoredActor): void {
    if (row.parked) return;
    const actor = this.#seams.reader.read(row);
    if (!isUnreadable(actor)) this.#note(actor);
  }

  #note(actor: Actor): void {
    if (actor.ref.kind === 'worker') this.#fleet.set(actor);
    else if (actor.ref.kind === 'job') this.#noteJob(actor);
  }

  #noteJob(actor: Actor): void {
    const { id } = actor.ref;
    if (isSettled(actor)) {
      const isKnown = this.#open.revisionOf(id) === Infinity;
      this.#drop(id);
      this.#open.end(id);
      const job = contextOf<JobContext>(actor);
      this.#fleet.noteJob(job);
      // News arrives more than once; what was used counts once.
      if (isKnown) return;
      this.#noteUsage(job, 1);
      this.#outlooks.note(job);
      return;
    }
    if (this.#open.revisionOf(id) > actor.revision) return;
    const { spec, run } = contextOf<JobContext>(actor);
    const { ref, revision, snapshot } = actor;
    const running = snapshot.hasTag('running');
    const isNew = !this.#open.has(id);
    this.#open.set({ ref, revision, running, modality: spec.modality });
    this.#fleet.noteJob({ spec, run });
    this.#outlooks.note({ spec, run });
    if (running) this.#queue.take(id);
    else this.#queue.remove(id);
    this.#resting.delete(id);
    const turnedDown = this.#decided.delete(id);
    if (stateName(snapshot.value) !== 'queued') return;
    const job = waiting(spec, run, this.expectedMs(spec));
    if (isNew) this.#outlooks.submitted(job);
    if (turnedDown) this.#rest(job);
    else this.#queue.set(job);
  }

  /** GPU time that the person got, also from others' dispatchers: by it the next one goes on. */
  #noteUsage({ spec, run }: JobContext, sign: 1 | -1): void {
    if (run.runMs === null || run.finishedAt === null) return;
    const ownMs = run.runMs / (run.batch?.size ?? 1);
    this.#queue.usage.note(spec.accountId, sign * ownMs, run.finishedAt);
  }

  #rest(job: WaitingJob): void {
    this.#resting.set(job.id, job);
    void this.#seams.clock.sleep(REST_MS).then(() => {
      if (this.#resting.get(job.id) !== job) return; // it has moved on
      this.#resting.delete(job.id);
      this.#queue.set(job);
      this.#seams.nudge();
    });
  }

  #drop(id: string): void {
    this.#queue.remove(id);
    this.#resting.delete(id);
    this.#decided.delete(id);
  }

  /**
   * With nothing known to wait and somebody idle, little is open: cheap to look whether something was
   * missed. Nothing should be, but a job that nobody knows of would wait for ever.
   */
  async lookForMissed(): Promise<void> {
    if (this.#queue.size > 0 || !this.#seams.leases.held('dispatcher')) return;
    if (this.#fleet.hasFreeSlot(this.#seams.isConnected)) await this.rebuild();
  }

  assign(turned: readonly Actor[]): readonly Mail[] {
    for (const actor of turned) this.#note(actor);
    const { leases, clock, pauses, isConnected } = this.#seams;
    const fence = leases.held('dispatcher');
    if (!fence || this.#isBlind || this.#queue.size === 0 || pauses.isEverything) return [];
    if (!this.#fleet.hasFreeSlot(isConnected)) return [];
    const now = clock.now();
    const decisions = decide(pauses.queue(this.#queue), this.#workers(), now);
    return decisions.flatMap((each) => this.#mailsFor(each, fence, now));
  }

  #workers(): readonly FleetWorker[] {
    return this.#seams.pauses.fleet(this.#fleet.available(this.#seams.isConnected));
  }

  upcoming(count: number): ActorRef[] {
    const { clock, pauses } = this.#seams;
    const workers = this.#workers();
    const each = Math.ceil(count / workers.length);
    const fleet = workers.map((worker) => ({ ...worker, freeSlots: each }));
    const decisions = decide(pauses.queue(this.#queue), fleet, clock.now());
    const jobs = decisions.flatMap(({ job, batch = [] }) => [job, ...batch]);
    return jobs.flatMap(({ accountId, id }) => [jobRef(accountId, id), quotaRef(accountId)]);
  }

  /** One for each job of the engine call. */
  #mailsFor({ job, batch = [], worker, why }: Decision, fence: Lease, now: number): Mail[] {
    const jobs = [job, ...batch];
    // A call of the same job at another time is another one.
    const id = `${job.id}.${now.toString(36)}`;
    const place = jobs.length > 1 ? { batch: { id, size: jobs.length } } : {};
    const { id: workerId, epoch } = worker;
    return jobs.map((each) => {
      const reason = dispatchWhy(
        why,
        each === job ? null : { along: job, waitedMs: now - each.queuedAt },
      );
      const event = {
        type: 'job.dispatched',
        worker: workerId,
        epoch,
        ...place,
        why: reason,
      } as const;
      return this.#mailFor(each, workerId, event, fence);
    });
  }

  #mailFor(job: WaitingJob, workerId: string, event: JobEvent, fence: Lease): Mail {
    this.#queue.take(job.id);
    this.#decided.add(job.id);
    return {
      to: jobRef(job.accountId, job.id),
      event,
      fence,
      settle: () => undefined,
      // Lost to another writer, or the lease is. A job that rests with an operator is not looked at again.
      fail: (error) => {
        if (!(error instanceof Parked)) void this.#lookAgain(job, workerId);
        else this.#decided.delete(job.id);
      },
      ...{ tries: 0, doubts: [] },
    };
  }

  /** It was decided on what had been so: neither side is known any more as it is now. */
  async #lookAgain(job: WaitingJob, workerId: string): Promise<void> {
    const { leases, store, nudge } = this.#seams;
    await leases.renew('dispatcher');
    const refs = [jobRef(job.accountId, job.id), workerRef(workerId)];
    for (const row of await store.load(refs).catch(() => [])) this.#seen(row);
    // The store is away, or knows nothing newer: as before, but not at once.
    if (this.#decided.delete(job.id) && this.#open.has(job.id)) this.#rest(job);
    nudge();
  }

  withdrawn(components: readonly Component[]): void {
    for (const { turned } of components)
      for (const [key, { before, after }] of turned) {
        const { kind, id } = after.ref;
        if (kind === 'worker') this.#fleet.restore(id, before);
        if (kind !== 'job') continue;
        this.#drop(id);
        this.#open.forget(id);
        this.#noteUsage(contextOf<JobContext>(after), -1);
        if (before) this.#noteJob(before);
        // What others said of it was passed over for what has just turned out not to be so.
        this.#unsure.set(key, after.ref);
      }
    void this.learn([]).catch(() => undefined); // the store is away: asked again soon
  }

  worker(id: string): Actor | null {
    return this.#fleet.get(id);
  }

  get waiting(): Iterable<WaitingJob> {
    return this.#queue.jobs;
  }

  /** Whose job it is that has not ended; null where nobody knows it. */
  find(jobId: string): ActorRef | null {
    return this.#open.refOf(jobId);
  }

  get workers(): readonly Actor[] {
    return this.#fleet.workers;
  }

  /** How many wait, by what they wait for. */
  get lines(): { readonly model: string; readonly plan: Plan; readonly waiting: number }[] {
    const lines = new Map<string, { model: string; plan: Plan; waiting: number }>();
    for (const { model, plan, size } of this.#queue.lines) {
      const known = lines.get(`${plan} ${model}`)?.waiting ?? 0;
      lines.set(`${plan} ${model}`, { model, plan, waiting: known + size });
    }
    return [...lines.values()];
  }

  get backlog(): Backlog {
    return this.#queue.backlog;
  }

  get lanes(): readonly Lane[] {
    return this.#fleet.lanes;
  }

  /** How long it would run on a usual worker. */
  expectedMs({ model, work }: Pick<JobSpec, 'model' | 'work'>): number {
    return this.#seams.times.runMs(null, model, work).median;
  }

  outlook(jobId: string): Outlook {
    return this.#outlooks.of(jobId);
  }

  etaOf(spec: Pick<JobSpec, 'model' | 'work'>, plan: Plan): EtaView {
    return this.#outlooks.ifSubmitted(spec, plan);
  }

  offersFor(modality: Modality, model: string | null): KnownOffer[] {
    return this.#fleet.offersFor(modality, model);
  }

  models(): Omit<ModelView, 'allowed_for'>[] {
    return this.#fleet.models();
  }

  status(): StatusView {
    return {
      object: 'status',
      version: this.#seams.version,
      queue: this.#open.counts(),
      workers: this.#fleet.views(),
    };
  }
}

const waiting = (spec: JobContext['spec'], run: JobContext['run'], runMs: number): WaitingJob => ({
  id: spec.id,
  accountId: spec.accountId,
  model: spec.model,
  plan: run.plan,
  queuedAt: run.place?.to === 'back' ? run.place.at : run.submittedAt,
  work: spec.work,
  runMs,
  // What failed once may be to blame: it takes no others with it again.
  batchKey: run.failedOn.length > 0 ? null : batchKeyOf(spec),
  failedOn: run.failedOn,
  isFirst: run.place?.to === 'front',
});
