// One simulated runtime: a real core over the shared store. Killing it forgets everything it had in memory
// and everything that was on its way to it; what it had sent to the store may still arrive.
import type { Component } from '../../runtime/component.ts';
import { makeCore, type Core } from '../../runtime/core.ts';
import { StoreUnavailable } from '../../db/store.ts';
import type { Pause } from '../../machines/contract/pauses.ts';
import type { Output } from '../../machines/contract/worker-protocol.ts';
import { NEWER, OLDER } from './deploy.ts';
import { deepFreeze } from './freeze.ts';
import type { Random } from './random.ts';
import { Owner } from './scheduler.ts';
import { SimulatedClock, SimulatedIds } from './seams.ts';
import { storeWithFaults } from './store-with-faults.ts';
import type { World } from './world.ts';

const STOP_MAX_MS = 15_000;

export class RuntimeProcess {
  readonly #world: World;
  readonly #random: Random;
  readonly number: number;
  #boots = 0;
  /** Of the process that runs now; dead between two of them. */
  owner: Owner;
  clock: SimulatedClock | null = null;
  core: Core | null = null;
  /** Its doors are open: it has started, and it is not stopping. */
  isServing = false;
  isStopping = false;
  /** It starts with the code of the deploy. */
  isNewer = false;
  /** Told when the process ends, for whoever is connected to it. */
  readonly #links = new Set<(isNoticed: boolean) => void>();

  constructor(world: World, number: number, random: Random) {
    this.#world = world;
    this.#random = random;
    this.number = number;
    this.owner = new Owner(`runtime-${number}`);
    this.owner.isAlive = false;
  }

  get name(): string {
    return `runtime-${this.number}`;
  }

  boot(): void {
    if (this.owner.isAlive) return;
    const world = this.#world;
    this.#boots += 1;
    const random = this.#random.split(`boot ${this.#boots}`);
    const owner = new Owner(this.name);
    this.owner = owner;
    // A container keeps its name over restarts, a plain process does not.
    const runtimeId = random.chance(0.5) ? this.name : `${this.name}.${this.#boots}`;
    const clock = new SimulatedClock(world.scheduler, owner, random.split('clock'));
    this.clock = clock;
    const core = makeCore({
      store: storeWithFaults(world, owner, random.split('store')),
      clock,
      ids: new SimulatedIds(random.split('ids')),
      isStored: (accountId: string, output: Output) =>
        world.files.isStored(owner, accountId, output),
      runtimeId,
      version: 'simulated',
      log: (message) => world.logged(owner, message),
      observe: (component) => this.#observe(component),
      registry: this.isNewer ? NEWER : OLDER,
      readPauses: () => this.#readPauses(owner, random),
      leftAlone: () => world.seen('An older runtime leaves alone what a newer one has written.'),
      ...(world.hasChannel
        ? { channel: world.ether.channel(owner, runtimeId, random.split('channel')) }
        : {}),
      ...(world.hasPresence ? { presence: world.ether.presence(owner, runtimeId) } : {}),
    });
    this.core = core;
    world.tell(this.name, () => `boots as ${runtimeId}`);
    core.start().then(
      () => {
        if (!owner.isAlive) return;
        this.isServing = true;
        world.tell(this.name, () => 'is up');
        world.seen('A runtime starts.');
      },
      (error: Error) => {
        world.tell(this.name, () => `cannot start: ${error.message}`, '!');
        world.seen('A runtime cannot start, because the store is away.');
        this.kill('it could not start');
        this.bootLater(500, 3_000);
      },
    );
  }

  /** They are rows of the database, too. */
  #readPauses(owner: Owner, random: Random): Promise<Pause[]> {
    const world = this.#world;
    return new Promise((resolve, reject) => {
      world.scheduler.after(random.between(0.2, 3), owner, 'reads pauses', () => {
        if (world.isAway(owner)) return reject(new StoreUnavailable('The store is away.'));
        const { pauses } = world.auditor.room;
        resolve(
          [...pauses.values()].map(({ since: at, ...target }) => ({ ...target, by: '', at })),
        );
      });
    });
  }

  bootLater(leastMs: number, mostMs: number): void {
    const delay = this.#random.between(leastMs, mostMs);
    this.#world.scheduler.after(delay, null, 'boot', () => this.boot());
  }

  #observe(component: Component): void {
    if (this.#world.isFreezing)
      for (const { after } of component.turned.values()) deepFreeze(after.snapshot.context);
  }

  /** @param ended called when the process ends before `unlink` is called */
  link(ended: (isNoticed: boolean) => void): () => void {
    this.#links.add(ended);
    return () => void this.#links.delete(ended);
  }

  kill(why: string): void {
    if (!this.owner.isAlive) return;
    const world = this.#world;
    world.tell(this.name, () => `is gone: ${why}`, '!');
    if (world.commitsUnderWay.has(this.owner))
      world.seen('A runtime is killed with a commit under way.');
    if (this.isStopping && why === 'it was killed')
      world.seen('A runtime is killed while it stops.');
    if (world.runtimes.filter(({ owner }) => !owner.isAlive).length === 1)
      world.seen('Two runtimes are down at once.');
    this.owner.isAlive = false;
    this.isServing = false;
    this.isStopping = false;
    this.core = null;
    const links = [...this.#links];
    this.#links.clear();
    // The machine may have gone with it: then nobody tells the other side.
    for (const ended of links) ended(this.#random.chance(0.8));
  }

  pause(ms: number): void {
    this.owner.pausedUntil = Math.max(this.owner.pausedUntil, this.#world.scheduler.now + ms);
  }

  /** SIGTERM: closes its doors, finishes what it has, and ends. */
  stop(then: () => void): void {
    const { core, owner } = this;
    if (!core || !this.isServing) return;
    this.isServing = false;
    this.isStopping = true;
    this.#world.tell(this.name, () => 'stops');
    const ended = (why: string): void => {
      if (!owner.isAlive) return;
      this.kill(why);
      then();
    };
    // Whoever started it does not wait for ever.
    this.#world.scheduler.after(STOP_MAX_MS, owner, 'stop takes too long', () => {
      this.#world.seen('A runtime that would not stop is killed.');
      ended('it did not stop in time');
    });
    core.stop().then(
      () => {
        this.#world.seen('A runtime stops in good order.');
        ended('it has stopped');
      },
      (error: Error) => ended(`it stopped with ${error.message}`),
    );
  }
}
