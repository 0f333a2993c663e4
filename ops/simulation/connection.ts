// How an agent keeps in touch, whatever becomes of the line: it dials some runtime, waits for a welcome,
// beats, and dials again. What has to arrive is said again after each reconnect.
import type { AgentFrame, RuntimeFrame } from '../../machines/contract/worker-protocol.ts';
import type { Core } from '../../runtime/core.ts';
import { Link } from './link.ts';
import type { Random } from './random.ts';
import type { RuntimeProcess } from './runtime-process.ts';
import type { Owner } from './scheduler.ts';
import type { World } from './world.ts';

/** What the agent says first, and whom it lets know. */
export interface Ears {
  hello(): AgentFrame;
  welcomed(): void;
  hear(frame: Exclude<RuntimeFrame, { type: 'welcome' }>): void;
}

const WELCOME_WITHIN_MS = 10_000;
const HEARTBEAT_MS = 10_000;
const SILENT_MAX_MS = 30_000;

/** One life of an agent has one of these, over as many links as it takes. */
export class AgentConnection {
  readonly #world: World;
  readonly #owner: Owner;
  readonly #random: Random;
  readonly #ears: Ears;
  /** Said, and not yet known to have arrived. */
  readonly #unconfirmed = new Set<AgentFrame>();
  link: Link | null = null;
  #isOnline = false;
  #failures = 0;

  constructor(world: World, owner: Owner, random: Random, ears: Ears) {
    this.#world = world;
    this.#owner = owner;
    this.#random = random;
    this.#ears = ears;
  }

  dial(): void {
    const runtime = this.#random.pick(this.#world.runtimes);
    const { core } = runtime;
    if (!core || !runtime.isServing) return this.#dialAgain();
    const link = new Link(this.#world, this.#random, this.#owner, runtime.owner);
    this.link = link;
    const heard = this.#connect(link, runtime, core);
    link.toRuntime(JSON.stringify(this.#ears.hello()));
    this.#awaitWelcome(link);
    this.#beat(link, heard);
  }

  /** The line breaks. Either side may be told at once, or find out by silence. */
  cut(isNoticed: boolean): void {
    const late = (): number => (isNoticed ? this.#random.between(1, 50) : this.#lateMs());
    this.link?.cut(Math.min(late(), SILENT_MAX_MS), late());
  }

  /** The process is gone. Its machine lives on: what it had sent may still arrive. */
  die(): void {
    this.#isOnline = false;
    const isNoticed = this.#random.chance(0.7);
    if (this.#random.chance(0.6)) this.link?.drain();
    this.link?.cut(null, isNoticed ? this.#random.between(1, 50) : this.#lateMs());
    this.link = null;
  }

  send(frame: AgentFrame, confirmed?: () => void): void {
    if (!this.#isOnline || !this.link) return;
    this.#world.tell(this.#owner.name, () => `says ${nameOf(frame)}`);
    this.link.toRuntime(JSON.stringify(frame), () => {
      this.#world.witness.arrived(this.#owner, frame);
      confirmed?.();
    });
  }

  /** Repeated after a reconnect, unless a pong has shown that it arrived. */
  deliver(frame: AgentFrame): void {
    this.#unconfirmed.add(frame);
    this.#sendUnconfirmed(frame);
  }

  #sendUnconfirmed(frame: AgentFrame): void {
    const { link } = this;
    this.send(frame, () => {
      const pongMs = this.#random.logarithmic(0.5, 40);
      this.#world.scheduler.after(pongMs, this.#owner, 'pong', () => {
        if (link?.isOpen) this.#unconfirmed.delete(frame);
      });
    });
  }

  #connect(link: Link, runtime: RuntimeProcess, core: Core): { at: number } {
    const { scheduler } = this.#world;
    const heard = { at: scheduler.now };
    const unlink = runtime.link((isNoticed) =>
      link.cut(isNoticed ? this.#random.between(1, 50) : this.#random.between(5_000, 30_000), null),
    );
    link.onCut = unlink;
    const wire = core.sessions.accept(
      {
        send: (text) => link.toAgent(text),
        close: (code) => link.close('runtime', code),
        bufferedBytes: () => 0,
      },
      this.#owner.name,
    );
    const receive = (text: string): void => {
      heard.at = scheduler.now;
      if (this.link === link) this.#hear(JSON.parse(text) as RuntimeFrame);
    };
    link.attach({ receive, closed: (code) => this.#lose(link, code) }, wire);
    return heard;
  }

  #lose(link: Link, code: number): void {
    if (this.link !== link) return;
    this.link = null;
    this.#isOnline = false;
    const { name } = this.#owner;
    this.#world.tell(name, () => `loses its connection (${code})`);
    if (code === 1008)
      this.#world.violate('I0 no programmer error', `${name} breaks the protocol.`);
    this.#dialAgain();
  }

  #dialAgain(): void {
    const most = Math.min(500 * 2 ** this.#failures, this.#world.isHealing ? 2_000 : 15_000);
    this.#failures += 1;
    const delayMs = this.#random.between(most / 4, most);
    this.#world.scheduler.after(delayMs, this.#owner, 'dials', () => this.dial());
  }

  #awaitWelcome(link: Link): void {
    this.#world.scheduler.after(WELCOME_WITHIN_MS, this.#owner, 'waits for a welcome', () => {
      if (this.#isOnline || this.link !== link) return;
      link.cut(null, this.#lateMs());
      this.#lose(link, 1006);
    });
  }

  #beat(link: Link, heard: { at: number }): void {
    const { scheduler } = this.#world;
    scheduler.after(HEARTBEAT_MS, this.#owner, 'beats', () => {
      if (this.link !== link) return;
      if (link.isOpen) heard.at = scheduler.now; // a pong answers each beat
      if (scheduler.now - heard.at > SILENT_MAX_MS) return this.#lose(link, 1006);
      if (this.#isOnline) this.send({ type: 'heartbeat' });
      this.#beat(link, heard);
    });
  }

  #hear(frame: RuntimeFrame): void {
    const { name } = this.#owner;
    if (frame.type !== 'welcome') {
      this.#world.tell(name, () => `hears ${nameOf(frame)}`);
      return this.#ears.hear(frame);
    }
    this.#isOnline = true;
    this.#failures = 0;
    this.#world.tell(name, () => 'is welcome');
    for (const missed of [...this.#unconfirmed]) this.#sendUnconfirmed(missed);
    this.#ears.welcomed();
  }

  #lateMs(): number {
    return this.#random.logarithmic(1_000, 40_000);
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
