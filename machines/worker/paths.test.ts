// Every way a worker can go, and ways it should not: walked through the stored form, step by step.
// Numbers in brackets are those of SPEC.md.
import fc from 'fast-check';
import { getShortestPaths, getSimplePaths } from 'xstate/graph';
import { initialTransition, transition } from 'xstate';
import { describe, expect, it } from 'vitest';
import { callsIn, type Slot, type WorkerRun } from './context.ts';
import {
  begin,
  deepFreeze,
  effectsOf,
  sharedObjects,
  take,
  walkAll,
  timerEvent,
  type Said,
} from '../testing.ts';
import { workerMachine, type WorkerSnapshot } from './machine.ts';
import {
  at,
  claim,
  claimInBatch,
  EVENTS,
  hello,
  STATES,
  stateOf,
  WAYS,
  type WorkerState,
} from './testing.ts';

type Event = Parameters<typeof workerMachine.transition>[1];
interface Loose {
  readonly type: string;
  readonly job?: string;
  readonly attempt?: number;
  readonly epoch?: string;
}

const BREAK = timerEvent(workerMachine, 'break');

const namesOf = ({ slots, lost }: WorkerRun) =>
  [...Object.entries(slots), ...Object.entries(lost)].map(([job, { attempt }]) => ({
    job,
    attempt,
  }));

const { 'model.loaded': loaded, 'model.loadFailed': loadFailed } = EVENTS;

/** Whatever may come next from those who have a say; strangers come in the last tests. */
function eventsIn({ context: { run } }: WorkerSnapshot): Event[] {
  const { epoch } = run;
  const nextEpoch = epoch === 'e1' ? 'e2' : 'e1';
  const known = namesOf(run);
  const reports = known.flatMap(({ job, attempt }) =>
    Object.values(EVENTS)
      .filter(({ type }) => type.startsWith('run.'))
      .map((event) => ({ ...event, job, attempt, epoch })),
  );
  return [
    ...Object.values(EVENTS).filter(({ type }) => /^(worker|lease|xstate)/.test(type)),
    hello(known, { epoch, loaded: run.loaded }),
    hello([], { epoch, loaded: [] }),
    hello([], { epoch: nextEpoch }),
    claim('job_1', 'sketch', 1, epoch),
    claim('job_2', 'film', 1, epoch),
    ...known.map((name) => at({ type: 'slot.cancelRequested', ...name })),
    ...run.loaded.map((model) => ({ ...EVENTS['model.unloaded'], model, epoch })),
    ...(run.loading === null ? [] : [loaded, loadFailed].map((event) => ({ ...event, epoch }))),
    ...reports,
  ] as Event[];
}

/** All that decides what a worker does next; the rest of the context would make the ways endless. */
function projection({ value, context: { run } }: WorkerSnapshot): string {
  const phases = (slots: WorkerRun['slots']) =>
    Object.entries(slots)
      .map(([job, { phase }]) => `${job} ${phase}`)
      .sort();
  return JSON.stringify([
    value,
    run.runtime,
    [...run.loaded].sort(),
    run.loading,
    phases(run.slots),
    phases(run.lost),
    Math.min(run.failuresInRow, 3),
    Math.min(run.breaks, 1),
  ]);
}
const OPTIONS = {
  input: { id: 'w1' },
  events: eventsIn,
  serializeState: projection,
  serializeEvent: (event: Event) => JSON.stringify(event),
  limit: 200_000,
};

/** How a slot may end: what its job is told. Nothing when the job had called it off. */
const ENDINGS = /^(run\.(finished|failed)|slot\.returned|worker\.(lost|crashed))$/;
const isEnd = ({ type }: Loose) => /^run\.(finished|failed|cancelled)$/.test(type);

/** Follows one worker as the runtime would, and holds the promises of SPEC.md against every step. */
class Watch {
  snapshot: WorkerSnapshot;
  readonly #armed = new Set<string>();

  constructor(other?: Watch) {
    this.snapshot = other?.snapshot ?? begin(workerMachine, { id: 'w1' }).snapshot;
    if (other) for (const timer of other.#armed) this.#armed.add(timer);
  }

  walk(events: readonly object[]): this {
    for (const event of events) this.step(event as Loose);
    return this;
  }

  step(event: Loose): void {
    // As the runtime: a timer counts only while it is armed.
    const timer = event.type === 'lease.expired' ? 'lease' : event.type === BREAK ? BREAK : null;
    if (timer && !this.#armed.delete(timer)) return;
    const before = this.snapshot.context.run;
    const { snapshot, said } = take(workerMachine, this.snapshot, event);
    this.snapshot = snapshot;
    for (const [kind, name] of said) {
      if (kind === 'arm') this.#armed.add(name);
      if (kind === 'disarm') this.#armed.delete(name);
    }
    this.#checkState();
    this.#checkClaim(event, before, said);
    this.#checkEnds(event, before, said);
  }

  /** Hundreds of thousands are made: only a broken one is worth the words. */
  #promise(name: string, found: unknown, promised: unknown): void {
    if (JSON.stringify(found) !== JSON.stringify(promised))
      expect(found, `${name}, in ${stateOf(this.snapshot)}`).toEqual(promised);
  }

  #checkState(): void {
    const { offer, run } = this.snapshot.context;
    const state = stateOf(this.snapshot);
    const busy = Object.keys(run.slots).length;
    this.#promise('I1 calls', callsIn(run.slots) <= offer.slots, true);
    const batches = Map.groupBy(Object.values(run.slots), ({ batch }) => batch);
    batches.delete(undefined);
    for (const mates of batches.values()) {
      this.#promise('I13 at most what is offered', mates.length <= 3, true);
      this.#promise('I13 one model', new Set(mates.map(({ model }) => model)).size, 1);
    }
    if (run.runtime !== '' || busy > 0) this.#promise('I6 lease', this.#armed.has('lease'), true);
    this.#promise('I9 break', this.#armed.has(BREAK), state === 'unhealthy');
    this.#promise('S2 connecting lasts', state === 'connecting', false);
    if (run.runtime !== '') this.#promise('I7 lost while here', run.lost, {});
    const face: Partial<Record<WorkerState, unknown>> = {
      offline: [0, false],
      idle: [0, false],
      swapping: [busy, true],
      executing: [Math.max(busy, 1), false],
    };
    const found = [busy, run.loading !== null];
    this.#promise('S1, S3 to S5', found, face[state] ?? found);
    if (state === 'offline') this.#promise('S1 nobody', run.runtime, '');
  }

  /** A claim is answered once: by an order to run and a busy slot, or by a refusal (I2, I3). */
  #checkClaim(event: Loose, before: WorkerRun, said: readonly Said[]): void {
    const ordered = effectsOf(said, 'worker.order').flatMap(({ order }) =>
      order.type === 'run' ? [order.job] : [],
    );
    const refused = effectsOf(said, 'actor.tell').filter(
      (tell) => tell.event.type === 'slot.refused',
    );
    if (event.type !== 'slot.claimed') return this.#promise('I2 runs', ordered, []);
    const { job: id } = (event as unknown as ReturnType<typeof claim>).order;
    const isNew = !(id in before.slots) && id in this.snapshot.context.run.slots;
    this.#promise('I2 granted', ordered, isNew ? [id] : []);
    this.#promise('I2 refused', refused.length, isNew ? 0 : 1);
    const { loading, loaded } = this.snapshot.context.run;
    if (isNew) {
      const { model } = this.snapshot.context.run.slots[id]!;
      this.#promise(
        'I1 its model is here or comes',
        loaded.includes(model) || loading === model,
        true,
      );
    }
  }

  /** Whoever loses a slot is told once; every end that an agent reports is settled (I4, I5). */
  #checkEnds(event: Loose, before: WorkerRun, said: readonly Said[]): void {
    const { run } = this.snapshot.context;
    const gone = Object.entries(before.slots).filter(
      ([job, slot]) => run.slots[job]?.attempt !== slot.attempt,
    );
    const owed = (slots: readonly [string, Slot][]) =>
      slots.flatMap(([job, slot]) => (slot.phase === 'cancelling' ? [] : [job]));
    const isBoot = event.type === 'worker.connected' && before.epoch !== run.epoch;
    const crashed = isBoot ? Object.keys(before.lost) : [];
    const told = effectsOf(said, 'actor.tell').flatMap((tell) =>
      ENDINGS.test(tell.event.type) ? [tell.to.id] : [],
    );
    this.#promise(`I5 told by ${event.type}`, told.sort(), [...owed(gone), ...crashed].sort());
    if (event.type === 'lease.expired') {
      this.#promise('I6 nothing goes on', [run.slots, run.loading, run.runtime], [{}, null, '']);
      const kept = [...Object.keys(before.lost), ...owed(gone)];
      this.#promise('I7 remembered', Object.keys(run.lost).sort(), kept.sort());
    }
    const settled = effectsOf(said, 'worker.settle').map(({ job, attempt }) => `${job} ${attempt}`);
    if (isEnd(event) && before.runtime !== '' && event.epoch === before.epoch)
      this.#promise('I4 settled', settled.includes(`${event.job} ${event.attempt}`), true);
  }

  /** The operator lets it work again and its agent comes back: then it can. */
  end(): string {
    this.walk([EVENTS['worker.resumeRequested'], hello([], { epoch: 'e9' })]);
    // What is pinned is fetched first.
    const model = this.snapshot.context.run.loading;
    if (model !== null) this.step({ ...loaded, model, epoch: 'e9' } as Loose);
    return stateOf(this.snapshot);
  }
}

function walk(ways: Parameters<typeof walkAll>[0]): void {
  const step = (from: Watch, event: object) => new Watch(from).walk([event]);
  walkAll(ways, new Watch(), step, (watch, way) => {
    if (new Watch(watch).end() !== 'idle') expect.fail(`It does not recover after ${way}.`);
  });
}

describe('every reachable way', () => {
  it('keeps every promise on the shortest way to each place, and recovers from there (I10)', () => {
    const ways = getShortestPaths(workerMachine, OPTIONS);
    const seen = new Set(ways.map(({ state }) => stateOf(state)));
    expect([...seen].sort()).toEqual(STATES.filter((state) => state !== 'connecting').sort());
    walk(ways);
  });

  it('keeps every promise on each way without a loop', () => {
    const ways = getSimplePaths(workerMachine, {
      ...OPTIONS,
      // A place is a state, its busy slots, and whether somebody is there. Quarantine is left out:
      // its ways are those of a drain.
      events: (snapshot) =>
        eventsIn(snapshot).filter(({ type }) => type !== 'worker.quarantineRequested'),
      serializeState: ({ value, context: { run } }) =>
        JSON.stringify([value, Object.keys(run.slots).length, run.runtime]),
    });
    expect(ways.length).toBeGreaterThan(500);
    walk(ways);
  });
});

describe('messages that go astray', () => {
  // fast-check prints the seed and the path of what failed; both go here to see it again.
  const AGAIN = { seed: 20_260_101, numRuns: 400 };

  const names = fc.record({
    job: fc.constantFrom('job_1', 'job_2', 'job_3'),
    attempt: fc.integer({ min: 1, max: 2 }),
  });
  const epochs = fc.constantFrom('e1', 'e2');
  const anyEvent: fc.Arbitrary<Loose> = fc.oneof(
    fc.constantFrom<Loose>(...Object.values(EVENTS)),
    fc
      .tuple(
        fc.constantFrom(...Object.values(EVENTS).filter((event) => 'job' in event)),
        names,
        epochs,
      )
      .map(([event, name, epoch]) => ({
        ...event,
        ...name,
        ...('epoch' in event ? { epoch } : {}),
      })),
    fc
      .tuple(names, fc.constantFrom('sketch', 'paint', 'film'), epochs)
      .map(([{ job, attempt }, model, epoch]) => claim(job, model, attempt, epoch)),
    fc
      .tuple(names, fc.constantFrom('sketch', 'paint'), fc.constantFrom('b1', 'b2'), epochs)
      .map(([{ job }, model, id, epoch]) => claimInBatch(job, { model, id, epoch })),
    fc
      .record({
        attempts: fc.array(names, { maxLength: 3 }),
        epoch: epochs,
        runtime: fc.constantFrom('r1', 'r2'),
        loaded: fc.subarray(['sketch', 'paint']),
      })
      .map(({ attempts, ...more }) => hello(attempts, more)),
  );

  it('cannot break a promise, whatever comes in whatever order', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 50 }), (events) => {
        const watch = new Watch().walk([hello(), claim('job_1'), ...events]);
        expect(watch.end()).toBe('idle');
      }),
      AGAIN,
    );
  });

  const STORY: readonly object[] = [
    ...WAYS.executing,
    claim('job_2'),
    EVENTS['worker.disconnected'],
    EVENTS['lease.expired'],
    hello([{ job: 'job_1', attempt: 1 }]),
    EVENTS['slot.cancelRequested'],
    EVENTS['run.cancelled'],
    claim('job_2', 'film'),
    EVENTS['model.loaded'],
    { ...EVENTS['run.finished'], job: 'job_2' },
  ];
  const mishap = fc.record({
    what: fc.constantFrom('drop', 'repeat', 'swap'),
    where: fc.nat({ max: STORY.length - 1 }),
    by: fc.integer({ min: 1, max: 5 }),
  });

  it('cannot break a promise when messages are dropped, repeated and reordered', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.array(mishap, { maxLength: 6 }), (mishaps) => {
        const events: object[] = [...STORY];
        for (const { what, where, by } of mishaps) {
          const [event] = events.splice(where, 1);
          if (event === undefined || what === 'drop') continue;
          events.splice(where + by, 0, event);
          if (what === 'repeat') events.splice(where, 0, event);
        }
        const watch = new Watch().walk(events);
        seen.add(stateOf(watch.snapshot));
        expect(watch.end()).toBe('idle');
      }),
      AGAIN,
    );
    // A story that always stops in the same place would prove little.
    expect(seen.size).toBeGreaterThan(2);
  });
});

describe('two workers', () => {
  it('share nothing that can change, in memory as little as in the store (I11)', () => {
    const walkInMemory = () => {
      let [snapshot] = initialTransition(workerMachine, { id: 'w1' });
      for (const event of structuredClone(WAYS.draining)) {
        deepFreeze(snapshot.context);
        [snapshot] = transition(workerMachine, snapshot, event as Event);
      }
      return snapshot;
    };
    expect(sharedObjects(walkInMemory().context, walkInMemory().context)).toEqual([]);
  });
});
