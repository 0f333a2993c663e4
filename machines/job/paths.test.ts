// Every way a job can go, and ways it should not: walked through the stored form, step by step.
// Numbers in brackets are those of SPEC.md.
import fc from 'fast-check';
import { getShortestPaths, getSimplePaths } from 'xstate/graph';
import { initialTransition, transition } from 'xstate';
import { describe, expect, it } from 'vitest';
import type { AttemptKey } from '../contract/events.ts';
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
import { jobMachine, type JobSnapshot } from './machine.ts';
import { at, EVENTS, spec, stateOf, WAYS, type Column, type JobState } from './testing.ts';

type Event = Parameters<typeof jobMachine.transition>[1];
type Loose = { readonly type: string } & Partial<AttemptKey>;

const TIMER = {
  deadline: timerEvent(jobMachine, 'deadline'),
  acknowledgeTimeout: timerEvent(jobMachine, 'acknowledgeTimeout'),
  attemptTimeout: timerEvent(jobMachine, 'attemptTimeout'),
  backoff: timerEvent(jobMachine, 'backoff'),
};
const isReport = (event: Loose) => 'attempt' in event;
const matches = (event: Loose, lease: AttemptKey | null) =>
  lease !== null &&
  event.attempt === lease.attempt &&
  event.worker === lease.worker &&
  event.epoch === lease.epoch;

const { 'worker.crashed': crashed, 'run.adoptionOffered': offered, 'run.failed': failed } = EVENTS;
const REPORTS = [...Object.values(EVENTS).filter(isReport), { ...failed, code: 'unsupported' }];

/** Whatever may come next from those who have a say; strangers come in the last tests. */
function eventsIn({ context: { run } }: JobSnapshot): Event[] {
  const by = (reports: readonly object[], key: AttemptKey | null) =>
    key === null
      ? []
      : reports.map((report) => ({
          ...report,
          attempt: key.attempt,
          worker: key.worker,
          epoch: key.epoch,
        }));
  return [
    ...Object.values(EVENTS).filter((event) => !isReport(event)),
    at({ type: 'job.submitRequested', spec, impossible: 'No worker can.' }),
    at({ type: 'job.dispatched', worker: 'w2', epoch: 'e2' }),
    ...by(REPORTS, run.lease),
    ...by([offered], run.adoptable),
    ...run.cutOff.flatMap((key) => by([crashed], key)),
  ] as Event[];
}

/** All that decides what a job does next; the rest of the context would make the ways endless. */
function projection(snapshot: JobSnapshot): string {
  const { attempt, lease, adoptable, cutOff, tookDown, ending } = snapshot.context.run;
  const away = [...new Set(cutOff.map(({ worker }) => worker))].sort();
  const down = [...tookDown].sort();
  return JSON.stringify([snapshot.value, attempt, lease, adoptable, away, down, ending]);
}

const OPTIONS = {
  input: spec,
  events: eventsIn,
  serializeState: projection,
  serializeEvent: (event: Event) => JSON.stringify(event),
  limit: 100_000,
};

const SETTLED: Partial<Record<JobState, readonly string[]>> = {
  succeeded: ['hold.captureRequested'],
  failed: ['hold.releaseRequested'],
  // A run that a person stops may cost something: which of the two is the money test's.
  cancelled: ['hold.releaseRequested'],
  expired: ['hold.releaseRequested'],
};

/** Follows one job as the runtime would, and holds the promises of SPEC.md against every step. */
class Watch {
  snapshot: JobSnapshot;
  readonly #told: string[] = [];
  readonly #armed = new Set<string>();

  constructor(other?: Watch) {
    if (other) {
      this.snapshot = other.snapshot;
      this.#told.push(...other.#told);
      for (const timer of other.#armed) this.#armed.add(timer);
      return;
    }
    const born = begin(jobMachine, spec);
    this.snapshot = born.snapshot;
    this.#note(born.said);
  }

  walk(events: readonly object[]): this {
    for (const event of events) this.step(event as Loose);
    return this;
  }

  step(event: Loose): void {
    // As the runtime: an ended job takes no turns, and a timer counts only while it is armed.
    if (this.snapshot.status === 'done') return;
    if (event.type.startsWith('xstate.after.') && !this.#armed.delete(event.type)) return;
    const before = this.snapshot;
    const step = take(jobMachine, before, event);
    this.snapshot = step.snapshot;
    this.#note(step.said);
    this.#checkContext();
    this.#checkTimers();
    this.#checkSlot(event, before.context.run.lease, step.said);
  }

  #note(said: readonly Said[]): void {
    for (const [kind, name] of said) {
      if (kind === 'arm') this.#armed.add(name);
      if (kind === 'disarm') this.#armed.delete(name);
    }
    this.#told.push(...effectsOf(said, 'actor.tell').map(({ event }) => event.type));
  }

  /** Some hundred thousand are made: only a broken one is worth the words. */
  #promise(name: string, found: unknown, promised: unknown): void {
    if (JSON.stringify(found) !== JSON.stringify(promised))
      expect(found, `${name}, in ${stateOf(this.snapshot)}`).toEqual(promised);
  }

  #checkContext(): void {
    const { run } = this.snapshot.context;
    const state = stateOf(this.snapshot);
    const settlements = this.#told.filter((type) => /^hold\.(capture|release)Req/.test(type));
    const holds = this.#told.filter((type) => type === 'hold.requested');
    this.#promise('I1 settlements', settlements, SETTLED[state] ?? []);
    this.#promise('I2 has a lease', run.lease !== null, state.startsWith('assigned.'));
    this.#promise('I4 adoptable', run.adoptable === null || state === 'queued', true);
    this.#promise('I5 three attempts at most', run.attempt <= 3, true);
    this.#promise('I6 two workers at most', run.tookDown.length <= 2, true);
    this.#promise('I9 holds', holds.length, run.submittedAt > 0 ? 1 : 0);
  }

  /** Of the timers that the state waits for, each is armed; no other one is (I10). */
  #checkTimers(): void {
    const state = stateOf(this.snapshot);
    const wanted = {
      [TIMER.deadline]: this.snapshot.status === 'active',
      [TIMER.acknowledgeTimeout]: state === 'assigned.loadingModel',
      [TIMER.attemptTimeout]: state.startsWith('assigned.'),
      [TIMER.backoff]: state === 'backingOff',
    };
    // It may have gone off without effect: the order is acknowledged.
    if (this.snapshot.context.run.lease?.acknowledged) delete wanted[TIMER.acknowledgeTimeout];
    for (const [timer, isWanted] of Object.entries(wanted))
      this.#promise(`I10 ${timer} is armed`, this.#armed.has(timer), isWanted);
  }

  /** A lease that ends otherwise than by its worker's report is called off there (I2). */
  #checkSlot(event: Loose, lease: AttemptKey | null, said: readonly Said[]): void {
    if (event.type === 'run.adoptionOffered') return;
    const stopped = effectsOf(said, 'actor.tell').flatMap(({ to, event: told }) =>
      told.type === 'slot.cancelRequested' ? [[to.id, told.attempt]] : [],
    );
    const isGivenUp = lease !== null && this.snapshot.context.run.lease === null;
    const expected = isGivenUp && !matches(event, lease) ? [[lease.worker, lease.attempt]] : [];
    this.#promise(`I2 slots called off by ${event.type}`, stopped, expected);
  }

  /** Whatever was asked for is answered; then the deadline comes. */
  end(): string {
    for (let step = 0; step < 4; step++) {
      const state = stateOf(this.snapshot);
      this.step(EVENTS[ANSWERS[state] ?? 'deadline']);
    }
    return this.snapshot.status;
  }
}

function walk(ways: Parameters<typeof walkAll>[0]): void {
  const step = (from: Watch, event: object) => new Watch(from).walk([event]);
  walkAll(ways, new Watch(), step, (watch, way) => {
    if (new Watch(watch).end() !== 'done') expect.fail(`It does not end after ${way}.`);
  });
}

const ANSWERS: Partial<Record<JobState, Column>> = {
  screening: 'job.submitRequested',
  holding: 'hold.granted',
};

describe('every reachable way', () => {
  const paths = getShortestPaths(jobMachine, OPTIONS);
  const places = paths.map(({ state }) => state);
  it('visits every state that lasts', () => {
    expect([...new Set(places.map(stateOf))].sort()).toEqual(Object.keys(WAYS).sort());
  });

  it('keeps every promise on the shortest way to each place, and can end from there (I11)', () => {
    walk(paths);
  });

  it('keeps every promise on each way without a loop', () => {
    const ways = getSimplePaths(jobMachine, {
      ...OPTIONS,
      // One worker is enough here, and a place is a state with its attempt.
      events: (snapshot) =>
        eventsIn(snapshot).filter((event) => !('worker' in event) || event.worker === 'w1'),
      serializeState: ({ value, context }) => JSON.stringify([value, context.run.attempt]),
    });
    expect(ways.length).toBeGreaterThan(500);
    walk(ways);
  });
});

describe('messages that go astray', () => {
  // fast-check prints the seed and the path of what failed; both go here to see it again.
  const AGAIN = { seed: 20_260_101, numRuns: 400 };

  const keyed = (event: Loose) =>
    fc
      .record({
        attempt: fc.integer({ min: 1, max: 3 }),
        worker: fc.constantFrom('w1', 'w2'),
        epoch: fc.constantFrom('e1', 'e2'),
      })
      .map((named) => ({ ...event, ...named }));
  const anyEvent = fc
    .constantFrom<Loose>(
      ...Object.values(EVENTS),
      at({ type: 'job.dispatched', worker: 'w2', epoch: 'e2' }),
    )
    .chain((event): fc.Arbitrary<Loose> => (isReport(event) ? keyed(event) : fc.constant(event)));

  it('cannot break a promise, whatever comes in whatever order', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
        const watch = new Watch().walk([EVENTS['job.submitRequested'], EVENTS['hold.granted']]);
        expect(watch.walk(events).end()).toBe('done');
      }),
      AGAIN,
    );
  });

  const second: AttemptKey = { attempt: 2, worker: 'w2', epoch: 'e2' };
  const STORY: readonly object[] = [
    EVENTS['job.submitRequested'],
    EVENTS['hold.granted'],
    EVENTS['job.dispatched'],
    EVENTS['run.acknowledged'],
    EVENTS['run.started'],
    EVENTS['worker.lost'],
    EVENTS['run.adoptionOffered'],
    EVENTS['run.failed'],
    EVENTS.backoff,
    at({ type: 'job.dispatched', worker: 'w2', epoch: 'e2' }),
    { ...EVENTS['run.started'], ...second },
    { ...EVENTS['run.finished'], ...second },
  ];
  const mishap = fc.record({
    what: fc.constantFrom('drop', 'repeat', 'swap'),
    where: fc.nat({ max: STORY.length - 1 }),
    by: fc.integer({ min: 1, max: 5 }),
  });

  it('cannot break a promise when messages are dropped, repeated and reordered', () => {
    const endings = new Set<string>();
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
        expect(watch.end()).toBe('done');
        endings.add(stateOf(watch.snapshot));
      }),
      AGAIN,
    );
    // A story that always ends the same way would prove little.
    expect([...endings].sort()).toEqual(['expired', 'succeeded']);
  });
});

describe('two jobs', () => {
  it('share nothing that can change, in memory as little as in the store (I12)', () => {
    const walkInMemory = () => {
      let [snapshot] = initialTransition(jobMachine, structuredClone(spec));
      for (const event of structuredClone(WAYS.succeeded)) {
        deepFreeze(snapshot.context);
        [snapshot] = transition(jobMachine, snapshot, event as Event);
      }
      return snapshot;
    };
    expect(sharedObjects(walkInMemory().context, walkInMemory().context)).toEqual([]);
  });
});
