// What happens in every seed: people come, a midnight passes, a long quiet, another midnight with a renewal
// and a deploy, and then everything heals and has to come to rest.
import { quotaRef, workerRef } from '../../machines/contract/ids.ts';
import type { ActorEvent } from '../../machines/contract/events.ts';
import { post } from './people.ts';
import { beginStrikes } from './strikes.ts';
import type { World } from './world.ts';

const DAY_MS = 86_400_000;
/** Longer than the longest time an attempt may take, and the pauses between three of them. */
const REST_WITHIN_MS = 600_000;
const EVENTS_MAX = 400_000;

const nextMidnight = (at: number): number => (Math.floor(at / DAY_MS) + 1) * DAY_MS;

export async function tellStory(world: World): Promise<void> {
  const { scheduler } = world;
  const random = world.random.split('story');
  const isOver = (): boolean => world.violation !== null;

  for (const runtime of world.runtimes)
    scheduler.after(random.between(0, 300), null, 'boot', () => runtime.boot());
  for (const agent of world.agents)
    scheduler.after(random.between(500, 3_000), null, 'boot', () => agent.boot());
  beginReading(world);
  const until = async (at: number): Promise<void> => {
    let isThere = false;
    scheduler.after(at - scheduler.now, null, 'chapter', () => (isThere = true));
    await scheduler.run(() => isThere || isOver());
  };

  await until(scheduler.now + 2_500);
  beginStrikes(world);
  const wishes = random.integer(28, 42);
  const firstEnd = nextMidnight(scheduler.now) + random.between(8_000, 15_000);
  world.tell('story', () => 'the first evening');
  bringWishes(world, wishes, firstEnd - 4_000);
  await until(firstEnd);

  world.tell('story', () => 'a long quiet');
  scheduler.jump(nextMidnight(scheduler.now) - random.between(8_000, 15_000) - scheduler.now);
  world.auditor.room.anew(scheduler.now);
  world.seen('A whole day passes while nobody looks.');

  world.tell('story', () => 'the second evening');
  const secondEnd = nextMidnight(scheduler.now) + random.between(12_000, 25_000);
  bringWishes(world, wishes, secondEnd - 4_000);
  scheduler.after(
    nextMidnight(scheduler.now) + random.between(0, 4_000) - scheduler.now,
    null,
    'renewal',
    () => renew(world),
  );
  scheduler.after(random.between(2_000, 15_000), null, 'deploy', () => deploy(world, 0));
  await until(secondEnd);

  await heal(world);
}

/** Wishes come in bursts: several at the same moment, then none for a while. */
function bringWishes(world: World, count: number, end: number): void {
  const { scheduler } = world;
  const random = world.random.split(`wishes ${world.wishes}`);
  let left = count;
  while (left > 0) {
    const burst = Math.min(left, random.chance(0.2) ? random.integer(4, 12) : random.integer(1, 2));
    left -= burst;
    const delayMs = random.between(0, end - scheduler.now);
    const person = random.pick(world.people);
    for (let n = 0; n < burst; n++) {
      const by = random.chance(0.5) ? person : random.pick(world.people);
      scheduler.after(delayMs + random.between(0, 50), null, 'wish', () => {
        if (world.wishes >= world.limits.wishes) return;
        world.wishes += 1;
        by.wish();
      });
    }
  }
}

/** Once a month the payment source says again which plan an account has. */
function renew(world: World): void {
  world.tell('story', () => 'plans are renewed');
  const random = world.random.split('renewal');
  for (const { accountId } of world.people) {
    const plan = world.books.quotaFact(accountId)?.context.balance.plan ?? 'free';
    post(world, random, quotaRef(accountId), { type: 'plan.changed', plan });
  }
  world.seen('Plans are renewed right after midnight.');
}

/** One runtime after the other is stopped and comes back with newer code, whatever befalls it meanwhile. */
function deploy(world: World, index: number): void {
  const { scheduler } = world;
  const runtime = world.runtimes[index];
  if (!runtime) return world.seen('A deploy has replaced every runtime.');
  world.tell('story', () => `${runtime.name} is replaced`);
  runtime.isNewer = true;
  const old = runtime.owner;
  if (runtime.isServing) runtime.stop(() => undefined);
  else runtime.kill('it is replaced');
  const look = (): void =>
    scheduler.after(300, null, 'looks after the deploy', () => {
      if (old.isAlive) return look();
      runtime.bootLater(100, 1_000);
      scheduler.after(1_000, null, 'deploy', () => deploy(world, index + 1));
    });
  look();
}

/** Frontends come and read on from where they were. */
function beginReading(world: World): void {
  const random = world.random.split('readers');
  for (const subscriber of world.subscribers) {
    const next = (): void =>
      world.scheduler.after(random.logarithmic(500, 20_000), null, 'reads', () => {
        const limit = random.integer(1, 60);
        void world.memory
          .readStream(subscriber.accountId, subscriber.after, limit)
          .then((rows) => subscriber.take(rows));
        next();
      });
    next();
  }
}

async function heal(world: World): Promise<void> {
  const { scheduler } = world;
  const random = world.random.split('healing');
  world.tell('story', () => 'everything heals');
  world.isHealing = true;
  world.healedAt = scheduler.now;
  world.isStoreDown = false;
  world.partitioned.clear();
  world.auditor.room.pauses.clear();
  for (const runtime of world.runtimes) {
    scheduler.resume(runtime.owner);
    runtime.bootLater(10, 500);
  }
  for (const agent of world.agents) {
    scheduler.resume(agent.owner);
    scheduler.after(random.between(10, 500), null, 'boot', () => agent.boot());
    insistOn(world, agent.id, () => ({
      to: workerRef(agent.id),
      event: { type: 'worker.resumeRequested' },
      isSo: !['draining', 'quarantined', 'unhealthy'].includes(world.workerState(agent.id)),
    }));
  }

  const end = scheduler.now + REST_WITHIN_MS;
  const last = scheduler.count + EVENTS_MAX;
  let quietSince = scheduler.now;
  let turns = world.books.turns;
  const isAtRest = (): boolean =>
    world.books.openJobs.length === 0 &&
    world.pending === 0 &&
    world.memory.tables.outbox.size === 0 &&
    // An engine may still be stopping what was cancelled.
    [...world.books.workers.values()].every(
      ({ context }) => Object.keys(context.run.slots).length === 0,
    ) &&
    world.runtimes.every(({ isServing }) => isServing) &&
    world.agents.every(({ link }) => link?.isOpen);
  let isDone = false;
  // Nothing but polls for a while: then time may pass faster. Less than any lease, so that nobody notices.
  const look = (): void =>
    scheduler.after(500, null, 'looks', () => {
      if (world.books.turns > turns) quietSince = scheduler.now;
      turns = world.books.turns;
      world.idleHands.look();
      if (scheduler.now > end || scheduler.count > last || isAtRest()) isDone = true;
      else if (scheduler.now - quietSince > 1_500) scheduler.jump(6_000);
      look();
    });
  look();
  await scheduler.run(() => isDone || world.violation !== null);
}

/** Asked again until it is so: an operator looks at the result. */
function insistOn(
  world: World,
  name: string,
  wish: () => { to: Parameters<typeof post>[2]; event: ActorEvent; isSo: boolean },
): void {
  const random = world.random.split(`operator of ${name}`);
  let tries = 0;
  const once = (): void => {
    const { to, event, isSo } = wish();
    // Also once it is so: what an operator said before may still be under way, and undo it.
    if (++tries > 50) return;
    if (!isSo) post(world, random, to, event);
    world.scheduler.after(3_000, null, 'looks again', once);
  };
  world.scheduler.after(1_000, null, 'looks', once);
}
