// A worker's agent as `adapters/worker` behaves on the wire, without sockets, files and GPUs: dials in,
// obeys, keeps every end until it is settled and repeats it after each reconnect.
import {
  type AgentFrame,
  type Output,
  type RuntimeFrame,
} from '../../machines/contract/worker-protocol.ts';
import type { ModelOffer } from '../../machines/contract/models.ts';
import { SimulatedEngine, type Ending } from './engine.ts';
import { Link } from './link.ts';
import type { Random } from './random.ts';
import { Owner } from './scheduler.ts';
import type { World } from './world.ts';

type RunOrder = Extract<RuntimeFrame, { type: 'run' }>;

interface Attempt {
  readonly order: RunOrder;
  hasStarted: boolean;
  /** Nobody waits for its end any more. */
  isAbandoned: boolean;
  report: AgentFrame | null;
}

const WELCOME_WITHIN_MS = 10_000;
const HEARTBEAT_MS = 10_000;
const SILENT_MAX_MS = 30_000;

const keyOf = ({ job, attempt }: { job: string; attempt: number }) => `${job}.${attempt}`;

export class SimulatedAgent {
  readonly #world: World;
  readonly #random: Random;
  readonly id: string;
  readonly slots: number;
  readonly #models: readonly ModelOffer[];
  readonly #vramBytes: number | null;
  #boots = 0;
  #connections = 0;
  owner: Owner;
  #engine: SimulatedEngine;
  #attempts = new Map<string, Attempt>();
  #settled = new Set<string>();
  /** Said, and not yet known to have arrived. */
  #unconfirmed = new Set<AgentFrame>();
  link: Link | null = null;
  #isOnline = false;
  #failures = 0;

  constructor(world: World, id: string, random: Random, models: readonly ModelOffer[]) {
    this.#world = world;
    this.#random = random;
    this.id = id;
    this.#models = models;
    this.slots = random.integer(1, 3);
    this.#vramBytes = random.chance(0.5) ? null : random.integer(1, 3) * 1e9;
    this.owner = new Owner(id);
    this.#engine = this.#makeEngine();
    this.owner.isAlive = false;
  }

  /** Other workers have the same ones: the fence must not rest on them alone. */
  get epoch(): string {
    return `boot-${this.#boots}`;
  }

  get isUp(): boolean {
    return this.owner.isAlive;
  }

  /** Nobody waits for the end of this attempt any more. */
  isOver(order: RunOrder): boolean {
    const attempt = this.#attempts.get(keyOf(order));
    return !attempt || attempt.order !== order || attempt.isAbandoned || attempt.report !== null;
  }

  boot(): void {
    if (this.owner.isAlive) return;
    this.#boots += 1;
    this.owner = new Owner(this.id);
    this.#attempts = new Map();
    this.#settled = new Set();
    this.#unconfirmed = new Set();
    this.#engine = this.#makeEngine();
    this.#failures = 0;
    this.#world.tell(this.id, () => `boots as ${this.epoch}`);
    this.#dial();
  }

  crash(why: string): void {
    if (!this.owner.isAlive) return;
    this.#world.tell(this.id, () => `is gone: ${why}`, '!');
    this.owner.isAlive = false;
    this.#isOnline = false;
    const isNoticed = this.#random.chance(0.7);
    // The machine lives on: what the process had sent is sent.
    if (this.#random.chance(0.6)) this.link?.drain();
    this.link?.cut(null, isNoticed ? this.#random.between(1, 50) : this.#lateMs());
    this.link = null;
    const bootsIn = this.#random.logarithmic(200, this.#world.isHealing ? 2_000 : 40_000);
    this.#world.scheduler.after(bootsIn, null, 'boot', () => this.boot());
  }

  hang(ms: number): void {
    this.owner.pausedUntil = Math.max(this.owner.pausedUntil, this.#world.scheduler.now + ms);
  }

  #lateMs(): number {
    return this.#random.logarithmic(1_000, 40_000);
  }

  /** The line breaks. Either side may be told at once, or find out by silence. */
  cut(isNoticed: boolean): void {
    const late = (): number => (isNoticed ? this.#random.between(1, 50) : this.#lateMs());
    this.link?.cut(Math.min(late(), SILENT_MAX_MS), late());
  }

  #makeEngine(): SimulatedEngine {
    const random = this.#random.split(`engine ${this.#boots}`);
    const room = Math.floor((this.#vramBytes ?? 1e9) / 1e9);
    return new SimulatedEngine(this.#world, this.owner, random, room, {
      loaded: (model, loadMs) => this.#deliver({ type: 'loaded', model, loadMs, vramBytes: 1e9 }),
      loadFailed: (model) => {
        const message = 'The file is damaged.';
        this.#deliver({ type: 'loadFailed', model, code: 'modelLoadFailed', message });
      },
      unloaded: (model) => this.#deliver({ type: 'unloaded', model }),
      crashed: (key) => {
        this.#world.tookDown(this.id, this.#attempts.get(key)!.order.job);
        this.crash(`a job took it down`);
      },
      running: (count) => this.#world.running(this.id, count, this.slots),
    });
  }

  // --- the connection -----------------------------------------------------------------------------

  #dial(): void {
    const world = this.#world;
    const { owner } = this;
    const again = (): void => {
      const most = Math.min(500 * 2 ** this.#failures, world.isHealing ? 2_000 : 15_000);
      this.#failures += 1;
      const delayMs = this.#random.between(most / 4, most);
      world.scheduler.after(delayMs, owner, 'dials', () => this.#dial());
    };
    const runtime = this.#random.pick(world.runtimes);
    const { core } = runtime;
    if (!core || !runtime.isServing) return again();
    const link = new Link(world, this.#random, owner, runtime.owner);
    this.link = link;
    let isGone = false;
    const gone = (code: number): void => {
      if (isGone) return;
      isGone = true;
      unlink();
      if (this.link !== link) return;
      this.link = null;
      this.#isOnline = false;
      world.tell(this.id, () => `loses its connection (${code})`);
      if (code === 1008) world.violate('I0 no programmer error', `${this.id} breaks the protocol.`);
      again();
    };
    const unlink = runtime.link((isNoticed) =>
      link.cut(isNoticed ? this.#random.between(1, 50) : this.#random.between(5_000, 30_000), null),
    );
    const wire = core.sessions.accept(
      {
        send: (text) => link.toAgent(text),
        close: (code) => link.close('runtime', code),
        bufferedBytes: () => 0,
      },
      this.id,
    );
    link.onCut = unlink;
    let heardAt = world.scheduler.now;
    link.attach(
      {
        receive: (text) => {
          heardAt = world.scheduler.now;
          if (this.link === link) this.#hear(JSON.parse(text) as RuntimeFrame, link);
        },
        closed: gone,
      },
      { receive: wire.receive, closed: wire.closed },
    );
    link.toRuntime(JSON.stringify(this.#hello()));
    world.scheduler.after(WELCOME_WITHIN_MS, owner, 'waits for a welcome', () => {
      if (isGone || this.#isOnline || this.link !== link) return;
      link.cut(null, this.#lateMs());
      gone(1006);
    });
    const beat = (): void => {
      if (isGone || this.link !== link) return;
      if (link.isOpen) heardAt = world.scheduler.now; // a pong answers each beat
      if (world.scheduler.now - heardAt > SILENT_MAX_MS) return gone(1006);
      if (this.#isOnline) this.#send({ type: 'heartbeat' });
      world.scheduler.after(HEARTBEAT_MS, owner, 'beats', beat);
    };
    world.scheduler.after(HEARTBEAT_MS, owner, 'beats', beat);
  }

  #hello(): AgentFrame {
    return {
      type: 'hello',
      protocol: 1,
      epoch: this.epoch,
      connection: (this.#connections += 1),
      name: this.id,
      version: '1',
      gpu: this.#vramBytes === null ? null : { name: 'GPU', vramBytes: this.#vramBytes },
      slots: this.slots,
      models: [...this.#models],
      loaded: [...this.#engine.loaded],
      attempts: [...this.#attempts.values()].map(({ order: { job, attempt } }) => ({
        job,
        attempt,
      })),
    };
  }

  #send(frame: AgentFrame, arrived?: () => void): void {
    if (!this.#isOnline || !this.link) return;
    this.#world.tell(this.id, () => `says ${nameOf(frame)}`);
    const { owner } = this;
    this.link.toRuntime(JSON.stringify(frame), () => {
      this.#world.arrived(owner, frame);
      arrived?.();
    });
  }

  /** Repeated after a reconnect, unless a pong has shown that it arrived. */
  #deliver(frame: AgentFrame): void {
    this.#unconfirmed.add(frame);
    this.#sendUnconfirmed(frame);
  }

  #sendUnconfirmed(frame: AgentFrame): void {
    const { link, owner } = this;
    this.#send(frame, () => {
      const pongMs = this.#random.logarithmic(0.5, 40);
      this.#world.scheduler.after(pongMs, owner, 'pong', () => {
        if (link?.isOpen) this.#unconfirmed.delete(frame);
      });
    });
  }

  // --- obeying ------------------------------------------------------------------------------------

  #hear(frame: RuntimeFrame, link: Link): void {
    if (frame.type === 'welcome') {
      this.#isOnline = true;
      this.#failures = 0;
      this.#world.tell(this.id, () => 'is welcome');
      for (const missed of [...this.#unconfirmed]) this.#sendUnconfirmed(missed);
      for (const attempt of this.#attempts.values()) this.#repeat(attempt);
      return;
    }
    if (this.link !== link) return;
    this.#world.tell(this.id, () => `hears ${nameOf(frame)}`);
    if (frame.type === 'settled') return this.#settle(frame);
    this.#world.ordered(this.id, frame);
    this.#send({ type: 'acknowledged', command: frame.id });
    if (frame.type === 'load' || frame.type === 'unload')
      this.#engine.order(frame.type, frame.model);
    else if (frame.type === 'run') this.#take(frame);
    else if (frame.type === 'cancel') this.#cancel(frame);
  }

  #take(order: RunOrder): void {
    const key = keyOf(order);
    const known = this.#attempts.get(key);
    if (known) return known.report ? this.#repeat(known) : undefined;
    if (this.#settled.has(order.id)) return;
    const attempt: Attempt = { order, hasStarted: false, isAbandoned: false, report: null };
    this.#attempts.set(key, attempt);
    this.#engine.run({
      key,
      model: order.model,
      timeLimitMs: order.timeLimitMs,
      isPoisonous: order.prompt.startsWith('poison') && !this.#world.isCured,
      started: () => {
        attempt.hasStarted = true;
        this.#world.started(this.id, this.epoch, order);
        this.#send({ type: 'started', job: order.job, attempt: order.attempt });
        if (this.#random.chance(0.2))
          this.#send({ type: 'progress', job: order.job, attempt: order.attempt, fraction: 0.5 });
      },
      ended: (how, runMs) => this.#end(attempt, how, runMs),
    });
  }

  #end(attempt: Attempt, how: Ending, runMs: number): void {
    if (attempt.isAbandoned || attempt.report) return;
    const { job, attempt: number } = attempt.order;
    const of = { job, attempt: number };
    const say = (report: AgentFrame): void => {
      if (attempt.isAbandoned || attempt.report) return;
      attempt.report = report;
      this.#send(report);
    };
    if (how === 'cancelled') return say({ type: 'cancelled', ...of });
    const { epoch } = this;
    if (typeof how === 'object') {
      const message = `${job} ${number} ${this.id} ${epoch}`;
      return say({ type: 'failed', ...of, code: how.code, message });
    }
    const facts = { job, attempt: number, worker: this.id, epoch };
    const blob = `sha256:${this.#random.split(`${job} ${number} ${this.id} ${epoch}`).hex(64)}`;
    const output: Output = { blob, bytes: 10, mediaType: 'image/png', facts };
    const report: AgentFrame = { type: 'finished', ...of, outputs: [output], runMs };
    this.#world.files.upload(this, attempt.order, output, () => say(report));
  }

  #cancel(of: { job: string; attempt: number }): void {
    const attempt = this.#attempts.get(keyOf(of));
    if (!attempt) return this.#send({ type: 'cancelled', job: of.job, attempt: of.attempt });
    if (attempt.report) return this.#send(attempt.report);
    // Not there any more: it is being uploaded, and that is broken off.
    if (!this.#engine.cancel(keyOf(of))) this.#end(attempt, 'cancelled', 0);
  }

  #settle(of: { job: string; attempt: number }): void {
    const key = keyOf(of);
    const attempt = this.#attempts.get(key);
    this.#world.settled(this.id, this.epoch, of);
    if (!attempt) return;
    this.#attempts.delete(key);
    this.#settled.add(attempt.order.id);
    if (attempt.report) return;
    attempt.isAbandoned = true;
    this.#engine.forget(key);
  }

  #repeat(attempt: Attempt): void {
    const { job, attempt: number } = attempt.order;
    if (attempt.report) {
      this.#world.seen('A worker repeats an end that was not settled.');
      this.#send(attempt.report);
    } else if (attempt.hasStarted) this.#send({ type: 'started', job, attempt: number });
  }
}

const nameOf = (frame: AgentFrame | RuntimeFrame): string =>
  [
    frame.type,
    'job' in frame ? `${frame.job} #${frame.attempt}` : '',
    'model' in frame ? frame.model : '',
    'code' in frame ? frame.code : '',
  ]
    .filter((word) => word !== '')
    .join(' ');
