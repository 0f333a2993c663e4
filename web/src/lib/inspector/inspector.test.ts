// What the inspector's page works out by itself: where everything lies, what is lit, what a journal adds up to,
// what would happen.
import { describe, expect, it } from 'vitest';
import { stateName, valueOf } from '../../../../machines/chart-reading.ts';
import type { Turn } from '../../../../machines/contract/admin-views.ts';
import type { ActorKind } from '../../../../machines/contract/ids.ts';
import { isKind } from './chart-kinds.ts';
import { CHARTS } from './charts.ts';
import { linesOf, type DrawnState } from './drawing.ts';
import { changesBetween, contextsOf, eventWords, timersAfter } from './journal.ts';
import { draw } from './layout.ts';
import { activePaths, arrowsOf } from './lit.ts';
import { createStoryStore } from './story.ts';
import { eventsIn, whatIf } from './what-if.ts';

const drawing = await draw(CHARTS.job);

describe('a drawing', () => {
  it.each(Object.keys(CHARTS) as ActorKind[])(
    'of a %s has every state where nothing lies over it',
    async (kind) => {
      expect(isKind(kind)).toBe(true);
      const { states, arrows, width, height } = await draw(CHARTS[kind]);
      const holds = (outer: DrawnState, inner: DrawnState) =>
        inner.x >= outer.x &&
        inner.y >= outer.y &&
        inner.x + inner.width <= outer.x + outer.width &&
        inner.y + inner.height <= outer.y + outer.height;
      const apart = (one: DrawnState, other: DrawnState) =>
        one.x + one.width <= other.x ||
        other.x + other.width <= one.x ||
        one.y + one.height <= other.y ||
        other.y + other.height <= one.y;
      for (const one of states) {
        expect([
          one.path,
          one.x >= 0,
          one.x + one.width <= width,
          one.y + one.height <= height,
        ]).toEqual([one.path, true, true, true]);
        for (const other of states) {
          if (one === other) continue;
          const isInside = other.path.startsWith(`${one.path}.`) || other.path === `${one.path}*`;
          const fits = isInside
            ? holds(one, other)
            : one.path.startsWith(`${other.path}.`) ||
              one.path === `${other.path}*` ||
              apart(one, other);
          expect([one.path, other.path, fits]).toEqual([one.path, other.path, true]);
        }
      }
      const paths = new Set(states.map(({ path }) => path));
      for (const { from, to, line } of arrows) {
        expect([paths.has(from), paths.has(to)]).toEqual([true, true]);
        expect(line).toMatch(/^M[\d. -]+( [LQ][\d. -]+)+$/);
      }
    },
  );

  it('says what leads on, and by which guard when nothing has to happen for it', () => {
    const lines = (from: string, to: string) =>
      linesOf(drawing.arrows.find((arrow) => arrow.from === from && arrow.to === to)!.events);
    expect(lines('queued', 'assigned')).toEqual(['job.dispatched']);
    expect(lines('releasing', 'cancelled')).toEqual(['[endsCancelled]']);
    expect(lines('releasing', 'failed')).toEqual(['at once']);
    expect(lines('*', 'releasing')).toContain('after deadline');
  });
});

describe('what is lit', () => {
  it('is every state around the innermost, in each region', () => {
    expect([...activePaths('assigned.executing')]).toEqual(['assigned', 'assigned.executing']);
    expect([...activePaths('allowance.open plan.pro')]).toEqual([
      'allowance',
      'allowance.open',
      'plan',
      'plan.pro',
    ]);
  });

  const way = (from: string, to: string, event: string) =>
    [...arrowsOf(drawing, { from, to, event })].map((arrow) => `${arrow.from} > ${arrow.to}`);

  it('is the whole way of a turn, through states that were only passed', () => {
    expect(way('assigned.executing', 'succeeded', 'run.finished')).toEqual([
      'assigned > storing',
      'storing > succeeded',
    ]);
    expect(way('queued', 'expired', 'xstate.after.deadline.job')).toEqual([
      '* > releasing',
      'releasing > expired',
    ]);
    expect(way('queued', 'assigned.loadingModel', 'job.dispatched')).toEqual(['queued > assigned']);
  });

  it('is nothing for a turn that stayed', () => {
    expect(way('queued', 'queued', 'job.moveRequested')).toEqual([]);
  });
});

const turn = (revision: number, patch: Turn['patch'], effects: Turn['effects'] = {}): Turn => ({
  ...{ revision, at: '2026-01-01T00:00:00.000Z', event: { type: 'x', at: 0 } },
  ...{ from: 'a', to: 'a', patch, effects, batch: 'b' },
});

describe('a journal', () => {
  it('adds up to contexts from the first one that is whole', () => {
    const turns = [
      turn(64, { n: 1 }),
      turn(65, { $whole: { n: 2, lease: { worker: 'w' } } }),
      turn(66, { $gone: ['lease'] }),
    ];
    expect(contextsOf(turns)).toEqual([undefined, { n: 2, lease: { worker: 'w' } }, { n: 2 }]);
  });

  it('shows what differs, leaf by leaf', () => {
    const before = { run: { lease: { worker: 'w', at: 1 }, list: [1] }, same: { a: 1 } };
    const after = { run: { lease: { worker: 'v', at: 1 }, list: [1, 2] }, same: { a: 1 }, born: 0 };
    expect(changesBetween(before, after)).toEqual([
      { path: 'run.lease.worker', before: 'w', after: 'v' },
      { path: 'run.list', before: [1], after: [1, 2] },
      { path: 'born', before: undefined, after: 0 },
    ]);
  });

  it('knows which timers are under way', () => {
    const turns = [
      turn(
        1,
        {},
        {
          arm: [
            ['deadline', 60_000],
            ['lease', 5_000],
          ],
        },
      ),
      turn(2, {}, { disarm: ['lease'], arm: [['lease', 9_000]] }),
    ];
    const at = Date.parse('2026-01-01T00:00:00.000Z');
    expect(timersAfter(turns)).toEqual([
      { name: 'lease', dueAt: at + 9_000 },
      { name: 'deadline', dueAt: at + 60_000 },
    ]);
    expect(eventWords('xstate.after.deadline.job')).toBe('after deadline');
  });
});

describe('the turn that is looked at', () => {
  const actor = {} as never;
  it('is the newest until somebody steps back, and again when they return to it', () => {
    const store = createStoryStore();
    const at = () => store.get().context.at;
    store.trigger.opened({ actor, turns: [turn(1, { $whole: {} }), turn(2, {})] });
    store.trigger.turned({ actor, turns: [turn(2, {}), turn(3, { n: 1 })] });
    expect([at(), store.get().context.contexts.at(-1)]).toEqual([2, { n: 1 }]);
    store.trigger.looked({ at: 0 });
    store.trigger.turned({ actor, turns: [turn(4, {})] });
    expect([at(), store.get().context.isFollowing]).toEqual([0, false]);
    store.trigger.looked({ at: 99 });
    store.trigger.turned({ actor, turns: [turn(5, {})] });
    expect(at()).toBe(4);
    store.trigger.earlierRead({ turns: [turn(-1, { $whole: {} }), turn(0, {})] });
    expect(store.get().context.turns[at()]?.revision).toBe(5);
  });
});

describe('what if', () => {
  const machine = CHARTS.quota;
  const { context } = machine.getInitialSnapshot({} as never, {
    accountId: 'acc_a',
  }) as unknown as {
    context: Record<string, unknown>;
  };
  const state = 'allowance.open standing.good plan.free';

  it('reads and writes states as the journal does', () => {
    expect(valueOf(state)).toEqual({ allowance: 'open', standing: 'good', plan: 'free' });
    for (const each of [state, 'queued', 'assigned.executing'])
      expect(stateName(valueOf(each))).toBe(each);
  });

  it('computes what the chart would do, and leaves the copy’s original alone', () => {
    const before = structuredClone(context);
    const outcome = whatIf(machine, { state, context }, {
      type: 'plan.changed',
      plan: 'pro',
    } as never);
    expect(outcome).toMatchObject({ state: 'allowance.open standing.good plan.pro', moved: true });
    expect(outcome.effects.map(({ type }) => type)).toContain('ledger.post');
    expect(outcome.changes.length).toBeGreaterThan(0);
    expect(context).toEqual(before);
  });

  it('names the events of this state first, and throws what the chart throws', () => {
    const types = eventsIn(CHARTS.job, 'queued', { run: {}, spec: {} });
    expect(types.slice(0, 6)).toContain('job.dispatched');
    expect(types).toContain('run.finished');
    expect(types.indexOf('job.dispatched')).toBeLessThan(types.indexOf('run.finished'));
    expect(() =>
      whatIf(machine, { state, context }, { type: 'hold.captureRequested', job: 'job_x' } as never),
    ).toThrow();
  });
});
