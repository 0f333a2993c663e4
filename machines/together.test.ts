// The three charts together. While messages are lost, agents crash and time jumps, they agree after every
// commit; once the faults stop, every job ends without waiting for its deadline, and nothing is left.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSettled, stateName } from '../runtime/actor.ts';
import type { Agent } from './agent-testing.ts';
import { World, WORKERS } from './world-testing.ts';

type Act = (world: World, agent: Agent, n: number) => unknown;
const ACTS: Record<string, { readonly weight: number; readonly act: Act }> = {
  submit: { weight: 3, act: (world, _, n) => world.submit(n) },
  dispatch: { weight: 6, act: (world, _, n) => world.dispatch(n) },
  together: { weight: 3, act: (world, _, n) => world.dispatchTogether(n) },
  order: { weight: 8, act: (world, agent) => world.deliverOrder(agent) },
  frame: { weight: 8, act: (world, agent) => world.deliverFrame(agent) },
  work: { weight: 8, act: (world, agent) => world.work(agent) },
  fail: { weight: 2, act: (world, agent) => world.work(agent, 'run.failed') },
  giveUp: { weight: 1, act: (world, agent) => world.work(agent, 'run.cancelled') },
  cancel: { weight: 1, act: (world, _, n) => world.cancel(n) },
  connect: { weight: 4, act: (world, agent, n) => world.connect(agent, n % 4 > 0) },
  hangUp: { weight: 2, act: (world, agent, n) => world.disconnect(agent, n % 2 === 0, false) },
  crash: { weight: 2, act: (world, agent, n) => world.disconnect(agent, n % 2 === 0, true) },
  timer: { weight: 3, act: (world, _, n) => world.fire(n) },
  operate: { weight: 1, act: (world, _, n) => world.operate(n) },
};

const step = fc.record({
  name: fc.oneof(
    ...Object.entries(ACTS).map(([name, { weight }]) => ({ weight, arbitrary: fc.constant(name) })),
  ),
  worker: fc.nat({ max: WORKERS.length - 1 }),
  n: fc.nat({ max: 11 }),
});

const SOMETIMES = [
  ...['succeeded', 'cancelled', 'deadlineExceeded', 'poisoned', 'workerCrashed'],
  ...['run.adoptionOffered', 'run.failed', 'slot.refused', 'slot.returned', 'tell.bounced'],
  ...['worker.lost', 'worker.crashed', 'worker.drainRequested', 'lease.expired'],
];

describe('jobs, workers and an account', () => {
  it('agree after every commit, and leave nothing behind', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(step, { minLength: 40, maxLength: 160 }), (steps) => {
        const world = new World();
        for (const agent of world.agents) world.connect(agent);
        for (const { name, worker, n } of steps) ACTS[name]!.act(world, world.agents[worker]!, n);
        world.heal();
        for (const { id, actor, context } of world.jobs) {
          expect([id, isSettled(actor)]).toEqual([id, true]);
          seen.add(context.run.failure?.code ?? stateName(actor.snapshot.value));
        }
        for (const type of world.happened) seen.add(type);
        for (const { actor, context } of world.workers)
          expect([stateName(actor.snapshot.value), context.run.slots, context.run.lost]).toEqual([
            'idle',
            {},
            {},
          ]);
        // An order that slipped through a hello may wait for its model: the next hello stops it.
        for (const { attempts } of world.agents)
          expect([...attempts.values()].filter(({ started }) => started)).toEqual([]);
        expect(world.timers(/deadline|Timeout|backoff|break/)).toEqual([]);
      }),
      // fast-check prints the seed and the path of what failed; both go here to see it again.
      { seed: 20_260_101, numRuns: 2500 },
    );
    // A run that never came upon these would prove little.
    expect([...seen]).toEqual(expect.arrayContaining(SOMETIMES));
  }, 60_000);
});
