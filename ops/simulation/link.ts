// One WebSocket between an agent and a runtime: frames arrive in order or not at all. When it breaks, what
// is under way is lost, and each side may learn of it at once, late, or only by silence.
import type { Mishap } from './faults.ts';
import type { Random } from './random.ts';
import type { Owner } from './scheduler.ts';
import { type Scheduler } from './scheduler.ts';

/** What either end does when something arrives, and when it learns that the link is gone. */
export interface End {
  receive(text: string): void;
  closed(code: number): void;
}

const LATENCY_MS = [0.5, 40] as const;
/** Packets are lost and sent again; whatever follows waits for them. */
const LATE_MS = [300, 15_000] as const;
/** Frames keep their order: of two events at the same moment, either could come first. */
const NEXT_MS = 0.001;

export interface LinkWorld {
  readonly scheduler: Scheduler;
  befalls(mishap: Mishap, random: Random, who: string): boolean;
}

interface Side {
  readonly owner: Owner;
  end: End | null;
  lastArrivalAt: number;
  knowsItIsGone: boolean;
}

export class Link {
  readonly #scheduler: Scheduler;
  readonly #world: LinkWorld;
  readonly #random: Random;
  readonly #agent: Side;
  readonly #runtime: Side;
  isOpen = true;
  /** The agent has died, and what it had sent before still arrives. */
  #isDraining = false;
  onCut: () => void = () => undefined;

  constructor(world: LinkWorld, random: Random, agent: Owner, runtime: Owner) {
    this.#scheduler = world.scheduler;
    this.#world = world;
    this.#random = random;
    const side = (owner: Owner): Side => ({
      owner,
      end: null,
      lastArrivalAt: 0,
      knowsItIsGone: false,
    });
    this.#agent = side(agent);
    this.#runtime = side(runtime);
  }

  attach(agent: End, runtime: End): void {
    this.#agent.end = agent;
    this.#runtime.end = runtime;
  }

  toRuntime(text: string, arrived: () => void = () => undefined): void {
    this.#send(this.#runtime, text, arrived);
  }

  toAgent(text: string): void {
    this.#send(this.#agent, text, () => undefined);
  }

  #send(to: Side, text: string, arrived: () => void): void {
    if (!this.isOpen) return;
    const { now } = this.#scheduler;
    const isDelayed = this.#world.befalls('frameDelayed', this.#random, to.owner.name);
    const [least, most] = isDelayed ? LATE_MS : LATENCY_MS;
    const at = Math.max(now + this.#random.logarithmic(least, most), to.lastArrivalAt + NEXT_MS);
    to.lastArrivalAt = at;
    this.#scheduler.after(at - now, to.owner, 'frame', () => {
      const arrives = this.isOpen || (this.#isDraining && to === this.#runtime);
      if (!arrives || to.knowsItIsGone) return;
      to.end?.receive(text);
      arrived();
    });
  }

  /** One side closes it properly; what it had sent before arrives first. */
  close(by: 'agent' | 'runtime', code: number): void {
    if (!this.isOpen) return;
    const [own, other] =
      by === 'agent' ? [this.#agent, this.#runtime] : [this.#runtime, this.#agent];
    own.knowsItIsGone = true;
    const { now } = this.#scheduler;
    const at = Math.max(now + this.#random.logarithmic(0.5, 40), other.lastArrivalAt + NEXT_MS);
    this.#scheduler.after(at - now, other.owner, 'close', () => {
      if (!this.isOpen) return;
      this.#end();
      this.#learn(other, code);
    });
  }

  /** It breaks. A side that is not told within the given time learns it by silence, elsewhere. */
  cut(agentLearnsInMs: number | null, runtimeLearnsInMs: number | null): void {
    if (!this.isOpen) return;
    this.#end();
    const later = (side: Side, delayMs: number | null): void => {
      if (delayMs === null) return;
      this.#scheduler.after(delayMs, side.owner, 'break', () => this.#learn(side, 1006));
    };
    later(this.#agent, agentLearnsInMs);
    later(this.#runtime, runtimeLearnsInMs);
  }

  drain(): void {
    this.#isDraining = true;
  }

  #end(): void {
    this.isOpen = false;
    this.onCut();
  }

  #learn(side: Side, code: number): void {
    if (side.knowsItIsGone) return;
    side.knowsItIsGone = true;
    side.end?.closed(code);
  }
}
