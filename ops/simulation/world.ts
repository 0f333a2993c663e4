// One seed's world: runtimes, workers and people around one store, and the ears of those who check. What
// happens in it and when is the story's (`story.ts`); what goes wrong, the swarm's (`faults.ts`).
import { MemoryStore } from '../../db/memory-store.ts';
import { refKey, workerRef } from '../../machines/contract/ids.ts';
import type { ModelOffer } from '../../machines/contract/models.ts';
import type { Ids } from '../../runtime/clock.ts';
import { SimulatedAgent } from './agent.ts';
import { Auditor } from './auditor.ts';
import { Books } from './books.ts';
import { Ether } from './channel.ts';
import type { Check, Invariant, Violation } from './check.ts';
import { Files } from './files.ts';
import { drawSwarm, type Fault, type Mishap, type Swarm } from './faults.ts';
import { History, Subscriber } from './history.ts';
import { IdleHands } from './idle-hands.ts';
import type { Limits } from './limits.ts';
import { Person } from './people.ts';
import { Random } from './random.ts';
import { RuntimeProcess } from './runtime-process.ts';
import { Scheduler, type Owner } from './scheduler.ts';
import { SimulatedIds } from './seams.ts';
import type { Sometimes } from './sometimes.ts';
import { Trace } from './trace.ts';
import { Witness } from './witness.ts';

const DAY_MS = 86_400_000;
const MODELS = ['sketch', 'paint', 'film'] as const;

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
  readonly auditor = new Auditor(this);
  readonly witness = new Witness(this);
  readonly ether = new Ether(this);
  readonly files = new Files(this);
  readonly idleHands = new IdleHands(this);
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

  logged(runtime: Owner, message: string): void {
    this.tell(runtime.name, () => `logs ${message.slice(0, 200)}`);
    if (message.includes('are tried again')) this.auditor.troubled(runtime);
    if (message.startsWith('after a commit:'))
      this.violate('I0 no programmer error', `${runtime.name} logged ${message.slice(0, 300)}`);
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
  ...(id !== 'film' && { batch: { max: 3, cost: 0.4 } }),
  limits: {},
  styles: [],
  voices: [],
});
