// A worker's agent as `adapters/worker` behaves on the wire, without sockets, files and GPUs: a machine
// whose process boots and crashes. Each life knows only its own attempts (`attempts.ts`), has an engine
// (`engine.ts`) and keeps in touch (`connection.ts`).
import type { AgentFrame, WorkerCommand } from '../../machines/contract/worker-protocol.ts';
import type { ModelOffer } from '../../machines/contract/models.ts';
import { Attempts } from './attempts.ts';
import { AgentConnection } from './connection.ts';
import { SimulatedEngine } from './engine.ts';
import type { Link } from './link.ts';
import type { Random } from './random.ts';
import { Owner } from './scheduler.ts';
import type { World } from './world.ts';

interface Parts {
  readonly engine: SimulatedEngine;
  readonly connection: AgentConnection;
  readonly attempts: Attempts;
}

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
  #parts: Parts | null = null;

  constructor(world: World, id: string, random: Random, models: readonly ModelOffer[]) {
    this.#world = world;
    this.#random = random;
    this.id = id;
    this.#models = models;
    this.slots = random.integer(1, 3);
    this.#vramBytes = random.chance(0.5) ? null : random.integer(1, 3) * 1e9;
    this.owner = new Owner(id);
    this.owner.isAlive = false;
  }

  get isUp(): boolean {
    return this.owner.isAlive;
  }

  get link(): Link | null {
    return this.#parts?.connection.link ?? null;
  }

  boot(): void {
    if (this.isUp) return;
    this.#boots += 1;
    this.owner = new Owner(this.id);
    const epoch = `boot-${this.#boots}`;
    this.#world.tell(this.id, () => `boots as ${epoch}`);
    this.#parts = this.#begin(epoch);
    this.#parts.connection.dial();
  }

  crash(why: string): void {
    if (!this.isUp) return;
    this.#world.tell(this.id, () => `is gone: ${why}`, '!');
    this.owner.isAlive = false;
    this.#parts?.connection.die();
    const bootsIn = this.#random.logarithmic(200, this.#world.isHealing ? 2_000 : 40_000);
    this.#world.scheduler.after(bootsIn, null, 'boot', () => this.boot());
  }

  hang(ms: number): void {
    this.owner.pausedUntil = Math.max(this.owner.pausedUntil, this.#world.scheduler.now + ms);
  }

  cut(isNoticed: boolean): void {
    this.#parts?.connection.cut(isNoticed);
  }

  #begin(epoch: string): Parts {
    const world = this.#world;
    const { owner } = this;
    const random = this.#random;
    const connection = new AgentConnection(world, owner, random, {
      hello: () => this.#hello(epoch, engine.loaded, attempts.all),
      welcomed: () => attempts.repeatAll(),
      hear: (frame) => {
        if (frame.type === 'settled') return attempts.settle(frame);
        world.history.orderArrived(this.id, frame.id);
        connection.send({ type: 'acknowledged', command: frame.id });
        obey(frame, parts);
      },
    });
    const engine = this.#makeEngine(connection);
    const send = (frame: AgentFrame): void => connection.send(frame);
    const attempts = new Attempts(world, random, { owner, epoch, engine, send });
    const parts = { engine, connection, attempts };
    return parts;
  }

  #makeEngine(connection: AgentConnection): SimulatedEngine {
    const random = this.#random.split(`engine ${this.#boots}`);
    const room = Math.floor((this.#vramBytes ?? 1e9) / 1e9);
    const say = (frame: AgentFrame): void => connection.deliver(frame);
    return new SimulatedEngine(this.#world, this.owner, random, room, {
      loaded: (model, loadMs) => say({ type: 'loaded', model, loadMs, vramBytes: 1e9 }),
      loadFailed: (model) => {
        const message = 'The file is damaged.';
        say({ type: 'loadFailed', model, code: 'modelLoadFailed', message });
      },
      unloaded: (model) => say({ type: 'unloaded', model }),
      crashed: () => {
        this.#world.seen('A job takes its worker down.');
        this.crash(`a job took it down`);
      },
      running: (count) => this.#world.witness.running(this.id, count, this.slots),
    });
  }

  #hello(epoch: string, loaded: readonly string[], attempts: Attempts['all']): AgentFrame {
    return {
      type: 'hello',
      protocol: 1,
      epoch,
      connection: (this.#connections += 1),
      name: this.id,
      version: '1',
      gpu: this.#vramBytes === null ? null : { name: 'GPU', vramBytes: this.#vramBytes },
      slots: this.slots,
      models: [...this.#models],
      loaded: [...loaded],
      attempts: [...attempts],
    };
  }
}

function obey(command: WorkerCommand, { engine, attempts }: Parts): void {
  if (command.type === 'load' || command.type === 'unload')
    engine.order(command.type, command.model);
  else if (command.type === 'run') attempts.take(command);
  else if (command.type === 'cancel') attempts.cancel(command);
}
