// Faults that strike the world from time to time: each kind that is on comes again and again, at drawn
// moments, until the world heals.
import { jobRef, workerRef } from '../../machines/contract/ids.ts';
import { PAUSE_SCOPES } from '../../machines/contract/pauses.ts';
import type { Strike } from './faults.ts';
import { post } from './people.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

/** @returns whom it befell; null when there was nobody whom it could befall */
type Blow = (world: World, random: Random) => string | null;

const serving = (world: World, random: Random) => {
  const running = world.runtimes.filter(({ owner }) => owner.isAlive);
  return running.length > 0 ? random.pick(running) : null;
};
const working = (world: World, random: Random) => {
  const running = world.agents.filter(({ isUp }) => isUp);
  return running.length > 0 ? random.pick(running) : null;
};
/** Mostly short, now and then longer than any lease. */
const whileMs = (random: Random) => random.logarithmic(200, 60_000);

const BLOWS: Readonly<Record<Strike, Blow>> = {
  killRuntime: (world, random) => {
    const runtime = serving(world, random);
    if (!runtime) return null;
    if (world.runtimes.filter(({ owner }) => owner.isAlive).length === 1)
      world.seen('The last runtime dies.');
    runtime.kill('it was killed');
    runtime.bootLater(200, 15_000);
    return runtime.name;
  },
  pauseRuntime: (world, random) => {
    const runtime = serving(world, random);
    const ms = whileMs(random);
    runtime?.pause(ms);
    if (ms > 15_000) world.seen('A runtime sleeps past its leases and goes on.');
    return runtime?.name ?? null;
  },
  restartRuntime: (world, random) => {
    const runtime = serving(world, random);
    if (!runtime?.isServing) return null;
    runtime.stop(() => runtime.bootLater(200, 3_000));
    return runtime.name;
  },
  // A monotonic clock stands still while its machine sleeps; it never runs ahead by much.
  stepClock: (world, random) => {
    const runtime = serving(world, random);
    runtime?.clock?.step(
      random.chance(0.5) ? random.between(-5_000, 0) : random.between(-200, 200),
    );
    return runtime?.name ?? null;
  },
  storeDown: (world, random) => {
    if (world.isStoreDown) return null;
    world.isStoreDown = true;
    world.scheduler.after(random.logarithmic(100, 12_000), null, 'store is back', () => {
      world.isStoreDown = false;
      world.tell('store', () => 'is back');
    });
    return 'store';
  },
  partitionRuntime: (world, random) => {
    const runtime = serving(world, random);
    if (!runtime) return null;
    const { owner } = runtime;
    world.partitioned.add(owner);
    world.scheduler.after(random.logarithmic(100, 30_000), null, 'is let in', () =>
      world.partitioned.delete(owner),
    );
    return runtime.name;
  },
  cutSocket: (world, random) => cut(world, random, true),
  cutSilently: (world, random) => cut(world, random, false),
  crashWorker: (world, random) => {
    const agent = working(world, random);
    agent?.crash('it crashed');
    return agent?.id ?? null;
  },
  hangWorker: (world, random) => {
    const agent = working(world, random);
    const ms = whileMs(random);
    agent?.hang(ms);
    if (agent && ms > 40_000) world.seen('A worker hangs for longer than its lease.');
    return agent?.id ?? null;
  },
  operate: (world, random) => {
    const { id } = random.pick(world.agents);
    const wish = random.pick([
      'worker.drainRequested',
      'worker.resumeRequested',
      'worker.resumeRequested',
      'worker.quarantineRequested',
    ] as const);
    post(world, random, workerRef(id), { type: wish });
    return id;
  },
  moveJob: (world, random) => {
    const waiting = [...world.auditor.room.all];
    if (waiting.length === 0) return null;
    const { id, accountId } = random.pick(waiting);
    const to = random.pick(['front', 'back', 'back', 'own'] as const);
    post(world, random, jobRef(accountId, id), { type: 'job.moveRequested', to });
    return id;
  },
  pause: (world, random) => {
    const scope = random.pick(PAUSE_SCOPES);
    const names = {
      queue: [''],
      model: world.models,
      plan: ['free', 'starter', 'pro'],
      worker: world.agents.map(({ id }) => id),
    } as const;
    const name = random.pick<string>(names[scope]);
    const { pauses } = world.auditor.room;
    pauses.set(`${scope} ${name}`, { scope, name, since: world.scheduler.now });
    world.seen('An operator pauses what waits.');
    world.scheduler.after(random.logarithmic(500, 40_000), null, 'goes on', () =>
      pauses.delete(`${scope} ${name}`),
    );
    return `${scope} ${name}`;
  },
  changePlan: (world, random) => {
    const person = random.pick(world.people);
    person.changePlan(random.pick(['free', 'starter', 'pro']));
    return person.accountId;
  },
  changeStanding: (world, random) => {
    const person = random.pick(world.people);
    person.changeStanding(random.pick(['good', 'good', 'limited', 'suspended']));
    return person.accountId;
  },
};

function cut(world: World, random: Random, isNoticed: boolean): string | null {
  const connected = world.agents.filter(({ link }) => link?.isOpen);
  if (connected.length === 0) return null;
  const agent = random.pick(connected);
  agent.cut(isNoticed);
  return agent.id;
}

export function beginStrikes(world: World): void {
  for (const [strike, meanMs] of world.swarm.strikes) {
    const random = world.random.split(`strike ${strike}`);
    const next = (): void =>
      world.scheduler.after(random.exponential(meanMs), null, strike, () => {
        if (world.isHealing) return;
        // Whom it befalls is drawn even when it may not happen, so that fewer faults are the same faults.
        const own = random.split(`${world.faults.get(strike) ?? 0}`);
        if (world.strikes(strike, 'world')) {
          const whom = BLOWS[strike](world, own);
          world.tell(whom ?? 'nobody', () => `is struck by ${strike}`, '!');
        }
        next();
      });
    next();
  }
}
