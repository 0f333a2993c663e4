// One seed's world: runtimes, workers and people around one store, and the ears of those who check. What
// happens in it and when is the story's (`story.ts`); what goes wrong, the swarm's (`faults.ts`).
import { MemoryStore } from '../../db/memory-store.ts';
import type { CommitBatch, CommitResult } from '../../db/store.ts';
import { jobRef, refKey, workerRef } from '../../machines/contract/ids.ts';
import type { ModelOffer } from '../../machines/contract/models.ts';
import type { AgentFrame, RuntimeFrame } from '../../machines/contract/worker-protocol.ts';
import type { Ids } from '../../runtime/clock.ts';
import { SimulatedAgent } from './agent.ts';
import { Books, sameLease } from './books.ts';
import { Ether } from './channel.ts';
import type { Check, Invariant, Violation } from './check.ts';
import { Files } from './files.ts';
import { drawSwarm, type Fault, type Mishap, type Swarm } from './faults.ts';
import { History, Subscriber } from './history.ts';
import { checkZeroSum } from './invariants-of-money.ts';
import { AFTER_EVERY_COMMIT } from './invariants.ts';
import { Person } from './people.ts';
import { Random } from './random.ts';
import { RuntimeProcess } from './runtime-process.ts';
import { Scheduler, type Owner } from './scheduler.ts';
import { SimulatedIds } from './seams.ts';
import { rareArrival, rareTurn, type Sometimes } from './sometimes.ts';
import { seenInCommit } from './seen.ts';
import { Trace } from './trace.ts';

export interface Limits {
  readonly without: ReadonlySet<string>;
  readonly runtimes: number;
  readonly workers: number;
  readonly people: number;
  /** Wishes in all. */
  readonly wishes: number;
  /** Faults after this many no longer happen. */
  readonly faults: number;
}

export const NO_LIMITS: Limits = {
  without: new Set(),
  runtimes: Infinity,
  workers: Infinity,
  people: Infinity,
  wishes: Infinity,
  faults: Infinity,
};

const DAY_MS = 86_400_000;
const MODELS = ['sketch', 'paint', 'film'] as const;

type RunOrder = Extract<RuntimeFrame, { type: 'run' }>;

export class World {
  readonly random: Random;
  readonly limits: Limits;
  readonly trace: Trace;
  readonly scheduler: Scheduler;
  readonly memory: MemoryStore;
  readonly swarm: Swarm;
  readonly books = new Books();
  readonly history: History;
  readonly subscribers: Subscriber[];
  readonly runtimes: RuntimeProcess[];
  readonly agents: SimulatedAgent[];
  readonly people: Person[];
  readonly models = MODELS;
  readonly isFreezing: boolean;
  /** Folding every journal takes as long as all its turns did. */
  readonly isReplayed: boolean;
  readonly ether = new Ether(this);
  readonly files = new Files(this);
  /** Some seeds have runtimes that only look, now and then, for what others do. */
  readonly hasChannel: boolean;
  readonly hasPresence: boolean;
  violation: Violation | null = null;
  /** Requests of people that have not come to an end. */
  pending = 0;
  wishes = 0;
  healedAt = Infinity;
  /** Faults no longer happen, and everything is given time to come to rest. */
  isHealing = false;
  /** Poisonous jobs have lost their poison. */
  isCured = false;
  isStoreDown = false;
  readonly partitioned = new Set<Owner>();
  readonly commitsUnderWay = new Set<Owner>();
  /** Of the leases of the store, as last seen. */
  readonly holders = new Map<string, string>();
  readonly faults = new Map<Fault, number>();
  readonly sometimes = new Map<Sometimes, number>();
  readonly #ids = new WeakMap<Owner, Ids>();
  /** Attempts that a worker brought along and that are nobody's any more: told to stop, and hold no slot. */
  readonly unclaimed = new Set<string>();
  /** By job: the workers it took down. */
  readonly tookDownBy = new Map<string, string[]>();

  constructor(seed: number, limits: Limits, isTold: boolean) {
    this.random = new Random(seed);
    this.limits = limits;
    this.trace = new Trace(isTold);
    const shape = this.random.split('shape');
    const day = Math.floor(Date.UTC(2026, 0, 1) / DAY_MS) + shape.integer(0, 400);
    const start = (day + 1) * DAY_MS - shape.integer(8_000, 40_000);
    this.scheduler = new Scheduler(start, this.random.split('ties'), (at, who, what) =>
      this.trace.note(at, who, what),
    );
    this.memory = new MemoryStore({ now: () => Math.floor(this.scheduler.now) });
    this.swarm = drawSwarm(this.random.split('swarm'), limits);
    this.history = new History(this.check, (key) => this.books.actors.has(key));
    this.isFreezing = shape.chance(0.25);
    this.isReplayed = shape.chance(0.2);
    this.hasChannel = shape.chance(0.7);
    this.hasPresence = shape.chance(0.5);
    const count = (most: number, drawn: number) =>
      [...Array(Math.min(most, drawn)).keys()].map((n) => n + 1);
    this.runtimes = count(limits.runtimes, shape.integer(3, 4)).map(
      (n) => new RuntimeProcess(this, n, this.random.split(`runtime ${n}`)),
    );
    this.agents = count(limits.workers, shape.integer(2, 4)).map((n) => {
      const own = this.random.split(`worker ${n}`);
      // The first one knows every model, so that every job can run somewhere.
      const offers = MODELS.filter(() => n === 1 || own.chance(0.7)).map(offerOf);
      return new SimulatedAgent(
        this,
        `wrk_${n}`,
        own,
        offers.length > 0 ? offers : [offerOf('sketch')],
      );
    });
    this.people = count(limits.people, shape.integer(3, 6)).map(
      (n) => new Person(this, `acc_${n}`, this.random.split(`person ${n}`)),
    );
    this.subscribers = [null, ...this.people.map(({ accountId }) => accountId)].map(
      (accountId) => new Subscriber(this.check, accountId),
    );
  }

  // --- what is wrong ------------------------------------------------------------------------------

  readonly check: Check = (invariant, isSo, sentence) => {
    if (!isSo) this.violate(invariant, sentence());
  };

  violate(invariant: Invariant, sentence: string): void {
    this.tell('invariants', () => `${invariant}: ${sentence}`, '*');
    this.violation ??= { invariant, sentence };
  }

  befalls(mishap: Mishap, random: Random, who: string): boolean {
    const probability = this.swarm.mishaps.get(mishap) ?? 0;
    // Drawn in any case, so that switching one off leaves the others as they are.
    if (random.next() >= probability || this.isHealing) return false;
    return this.strikes(mishap, who);
  }

  /** Counts a fault. @returns whether it may happen at all */
  strikes(fault: Fault, who: string): boolean {
    let total = 0;
    for (const count of this.faults.values()) total += count;
    if (total >= this.limits.faults) return false;
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
    this.trace.note(this.scheduler.now, who, fault);
    this.tell(who, () => fault, '!');
    return true;
  }

  seen(what: Sometimes): void {
    this.sometimes.set(what, (this.sometimes.get(what) ?? 0) + 1);
  }

  tell(who: string, what: () => string, mark = ' '): void {
    this.trace.tell(this.scheduler.now, who, what, mark);
  }

  // --- the store ----------------------------------------------------------------------------------

  isAway(runtime: Owner): boolean {
    return this.isStoreDown || this.partitioned.has(runtime);
  }

  wrote(batch: CommitBatch, result: CommitResult, runtime: Owner): void {
    const { books, check } = this;
    const commit = books.apply(batch, result);
    this.trace.note(result.at, runtime.name, batch.batchId);
    for (const { row, event } of commit.turns) {
      this.trace.note(row.revision, row.ref.id, row.to);
      this.tell(row.ref.id, () => `${event.type}: ${row.from} > ${row.to} (${runtime.name})`, '·');
      if (event.type === 'worker.connected') this.#noteUnclaimed(row.ref.id, event.attempts);
      if (event.sent !== undefined) this.history.applied(event.sent);
      for (const what of rareTurn(event.type, row)) this.seen(what);
    }
    for (const { id } of commit.orders) this.history.orderCommitted(id);
    for (const { ref, reason } of commit.parked)
      this.violate(
        reason.includes('read only') || reason.includes('not extensible')
          ? 'I25 no sharing'
          : 'I0 no programmer error',
        `${refKey(ref)} was parked: ${reason}`,
      );
    seenInCommit(this, commit);
    const isUploaded = this.files.has;
    const leaseTerm = (name: string, at: number) => {
      const lease = this.memory.tables.leases.get(name);
      return lease && lease.holder !== null && lease.expiresAt > at ? lease.term : null;
    };
    const checked = { commit, books, check, isUploaded, leaseTerm };
    for (const rule of AFTER_EVERY_COMMIT) {
      rule(checked);
      if (this.violation) return;
    }
  }

  #noteUnclaimed(worker: string, attempts: readonly { job: string; attempt: number }[]): void {
    const slots = this.books.workers.get(worker)?.context.run.slots ?? {};
    for (const { job, attempt } of attempts)
      if (slots[job]?.attempt !== attempt) this.unclaimed.add(`${worker} ${job}.${attempt}`);
  }

  refused(batch: CommitBatch, error: Error): void {
    checkZeroSum(batch.ledger, this.check);
    this.violate('I0 no programmer error', `The store refused ${batch.batchId}: ${error.message}`);
  }

  outcomeUnknown(isWritten: boolean): void {
    this.seen(
      isWritten
        ? 'A commit of unknown outcome was written.'
        : 'A commit of unknown outcome was not written.',
    );
  }

  wroteLate({ lost }: CommitResult): void {
    this.seen(
      lost.length > 0
        ? 'A late commit arrives too late and is lost.'
        : 'A commit of unknown outcome arrives late and counts.',
    );
  }

  logged(runtime: Owner, message: string): void {
    this.tell(runtime.name, () => `logs ${message.slice(0, 200)}`);
    if (message.startsWith('after a commit:'))
      this.violate('I0 no programmer error', `${runtime.name} logged ${message.slice(0, 300)}`);
  }

  // --- what agents see ----------------------------------------------------------------------------

  running(worker: string, count: number, slots: number): void {
    if (count === slots && slots > 1) this.seen('Every slot of a worker is busy.');
    this.check(
      'I8 slots',
      count <= slots,
      () => `${worker} runs ${count} at once in ${slots} slots.`,
    );
  }

  started(worker: string, epoch: string, { job, attempt }: RunOrder): void {
    this.tell(worker, () => `starts ${job} #${attempt} (${epoch})`);
  }

  tookDown(worker: string, job: string): void {
    const workers = this.tookDownBy.get(job) ?? [];
    this.tookDownBy.set(job, [...workers, worker]);
    this.seen('A job takes its worker down.');
  }

  ordered(worker: string, frame: Extract<RuntimeFrame, { id: string }>): void {
    this.history.orderArrived(worker, frame.id);
  }

  settled(worker: string, epoch: string, { job, attempt }: { job: string; attempt: number }): void {
    const said = { attempt, worker, epoch };
    if (this.books.hasEnded(job, said)) return;
    const isHeld = this.people
      .map(({ accountId }) => this.books.jobs.get(refKey(jobRef(accountId, job)))?.lease)
      .some((lease) => lease && sameLease(lease, said));
    this.check(
      'I6 durable before ack',
      !isHeld,
      () => `${worker} was told to forget ${job} #${attempt}, which still runs by what is stored.`,
    );
  }

  /** A frame of an agent reached its runtime. */
  arrived(agent: Owner, frame: AgentFrame): void {
    if (!agent.isAlive) this.seen('A report arrives after its worker has died.');
    if (!('job' in frame)) return;
    const job = this.people
      .map(({ accountId }) => this.books.actors.get(refKey(jobRef(accountId, frame.job))))
      .find(Boolean);
    if (job) for (const what of rareArrival(frame.type, job.state)) this.seen(what);
  }

  idsOf(owner: Owner): Ids {
    const known = this.#ids.get(owner);
    if (known) return known;
    const made = new SimulatedIds(this.random.split(`ids ${owner.name} ${this.scheduler.count}`));
    this.#ids.set(owner, made);
    return made;
  }

  workerState(id: string): string {
    return this.books.actors.get(refKey(workerRef(id)))?.state ?? 'unknown';
  }
}

const offerOf = (id: string): ModelOffer => ({
  id,
  name: id,
  engine: 'simulated',
  modality: 'image',
  description: 'for the simulation',
  vramBytes: 1e9,
  loadMs: 500,
  runMs: 1000,
  limits: {},
  styles: [],
  voices: [],
});
