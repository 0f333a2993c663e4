// The attempts of one life of an agent: taken up once, run by its engine, and kept with their end until the
// runtime has settled them.
import type { AgentFrame, Output, RuntimeFrame } from '../../machines/contract/worker-protocol.ts';
import type { Ending, SimulatedEngine } from './engine.ts';
import type { Random } from './random.ts';
import type { Owner } from './scheduler.ts';
import type { World } from './world.ts';

export type RunOrder = Extract<RuntimeFrame, { type: 'run' }>;
type AttemptKey = Pick<RunOrder, 'job' | 'attempt'>;

interface Attempt {
  readonly order: RunOrder;
  hasStarted: boolean;
  /** Nobody waits for its end any more. */
  isAbandoned: boolean;
  report: AgentFrame | null;
}

/** Whose attempts they are. */
export interface Life {
  readonly owner: Owner;
  /** Other workers have the same ones: the fence must not rest on them alone. */
  readonly epoch: string;
  readonly engine: SimulatedEngine;
  readonly send: (frame: AgentFrame) => void;
}

const keyOf = ({ job, attempt }: AttemptKey): string => `${job}.${attempt}`;
const only = ({ job, attempt }: AttemptKey): AttemptKey => ({ job, attempt });

export class Attempts {
  readonly #world: World;
  readonly #random: Random;
  readonly #life: Life;
  readonly #known = new Map<string, Attempt>();
  readonly #settled = new Set<string>();

  constructor(world: World, random: Random, life: Life) {
    this.#world = world;
    this.#random = random;
    this.#life = life;
  }

  get worker(): string {
    return this.#life.owner.name;
  }

  get owner(): Owner {
    return this.#life.owner;
  }

  get all(): readonly AttemptKey[] {
    return [...this.#known.values()].map(({ order }) => only(order));
  }

  /** Nobody waits for the end of this attempt any more. */
  isOver(order: RunOrder): boolean {
    const attempt = this.#known.get(keyOf(order));
    return !attempt || attempt.order !== order || attempt.isAbandoned || attempt.report !== null;
  }

  take(order: RunOrder): void {
    const key = keyOf(order);
    const known = this.#known.get(key);
    if (known) return known.report ? this.#repeat(known) : undefined;
    if (this.#settled.has(order.id)) return;
    const attempt: Attempt = { order, hasStarted: false, isAbandoned: false, report: null };
    this.#known.set(key, attempt);
    this.#life.engine.run({
      key,
      call: order.batch?.id ?? key,
      model: order.model,
      timeLimitMs: order.timeLimitMs,
      isPoisonous: order.prompt.startsWith('poison') && !this.#world.isCured,
      started: () => this.#started(attempt),
      ended: (how, runMs) => this.#end(attempt, how, runMs),
    });
  }

  cancel(of: AttemptKey): void {
    const attempt = this.#known.get(keyOf(of));
    if (!attempt) return this.#life.send({ type: 'cancelled', ...only(of) });
    if (attempt.report) return this.#life.send(attempt.report);
    // Not there any more: it is being uploaded, and that is broken off.
    if (!this.#life.engine.cancel(keyOf(of))) this.#end(attempt, 'cancelled', 0);
  }

  settle(of: AttemptKey): void {
    const key = keyOf(of);
    const attempt = this.#known.get(key);
    this.#world.witness.settled(this.worker, this.#life.epoch, of);
    if (!attempt) return;
    this.#known.delete(key);
    this.#settled.add(attempt.order.id);
    if (attempt.report) return;
    attempt.isAbandoned = true;
    this.#life.engine.forget(key);
  }

  repeatAll(): void {
    for (const attempt of this.#known.values()) this.#repeat(attempt);
  }

  #repeat({ order, report, hasStarted }: Attempt): void {
    if (report) {
      this.#world.seen('A worker repeats an end that was not settled.');
      this.#life.send(report);
    } else if (hasStarted) this.#life.send({ type: 'started', ...only(order) });
  }

  #started(attempt: Attempt): void {
    const of = only(attempt.order);
    attempt.hasStarted = true;
    this.#world.tell(this.worker, () => `starts ${of.job} #${of.attempt} (${this.#life.epoch})`);
    this.#life.send({ type: 'started', ...of });
    if (this.#random.chance(0.2)) this.#life.send({ type: 'progress', ...of, fraction: 0.5 });
  }

  #end(attempt: Attempt, how: Ending, runMs: number): void {
    const say = (report: AgentFrame): void => {
      if (attempt.isAbandoned || attempt.report) return;
      attempt.report = report;
      this.#life.send(report);
    };
    if (attempt.isAbandoned || attempt.report) return;
    const of = only(attempt.order);
    if (how === 'cancelled') return say({ type: 'cancelled', ...of });
    const facts = { ...of, worker: this.worker, epoch: this.#life.epoch };
    const name = Object.values(facts).join(' ');
    if (how !== 'finished') return say({ type: 'failed', ...of, code: how.code, message: name });
    const blob = `sha256:${this.#random.split(name).hex(64)}`;
    const output: Output = { blob, bytes: 10, mediaType: 'image/png', facts };
    const report: AgentFrame = { type: 'finished', ...of, outputs: [output], runMs };
    this.#world.files.upload(this, attempt.order, output, () => say(report));
  }
}
