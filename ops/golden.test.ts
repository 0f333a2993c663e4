import { describe, expect, it } from 'vitest';
import { refKey } from '../machines/contract/ids.ts';
import { leavesOf } from '../machines/testing.ts';
import { isSettled, persist, restore, stateName, type Actor } from '../runtime/actor.ts';
import { activeAfters } from '../runtime/upcast.ts';
import { plan } from '../runtime/plan.ts';
import { REGISTRY } from '../runtime/versions.ts';
import { complaintsAbout, goldenOf, KINDS, readGolden, turn } from './golden-testing.ts';

const STORED = { parked: false, createdAt: 0, updatedAt: 0 };

/** Timers once the actor's next turn has written what it is owed. */
const timersOf = ({ owed, timers, revision }: Actor) =>
  Object.keys(plan(owed ?? [], timers, revision + 1).timers).sort();

function expectTimers(actor: Actor, names: readonly string[]): void {
  const afters = isSettled(actor)
    ? []
    : activeAfters(actor.snapshot).map(({ eventType }) => eventType);
  const armed = names.filter((name) => name.startsWith('xstate.after.'));
  expect(armed, `timers of ${stateName(actor.snapshot.value)}`).toEqual([...afters].sort());
}

describe.each(KINDS)('%s', (kind) => {
  const golden = readGolden(kind);
  const { current } = REGISTRY[kind];

  it('has golden snapshots of the chart as it is', () => {
    expect(complaintsAbout(kind, golden)).toEqual([]);
  });

  it('has one for every state it can rest in', () => {
    const states = golden.at(-1)!.states.map(({ row }) => row.state);
    expect(new Set(states).size).toBe(states.length);
    const leaves = states.flatMap((state) => state.split(' '));
    // Left at once: no snapshot can be in these.
    const nowhere = ['connecting', 'storing', 'releasing'];
    const expected = leavesOf(current.machine).filter((leaf) => !nowhere.includes(leaf));
    expect([...new Set(leaves)].sort()).toEqual(expected.sort());
  });

  const rows = golden.flatMap((each) =>
    each.states.map(
      (state) => [`${each.machine}@${each.version} ${state.row.state}`, state] as const,
    ),
  );
  it.each(rows)('%s is restored with its timers, and goes on', (_, { row, delays, next }) => {
    const stored = { ...row, ...STORED, snapshot: JSON.stringify(row.snapshot) };
    const actor = restore(stored);
    const isBroughtForward = actor.chart.version !== row.version;
    if (!isBroughtForward) {
      expect(persist(actor)).toBe(stored.snapshot);
      expect(stateName(actor.snapshot.value)).toBe(row.state);
    }
    expectTimers(actor, timersOf(actor));
    if (next === null) {
      expect(isSettled(actor)).toBe(true);
      return;
    }
    const after = turn({ actor, delays }, next.event)!.actor;
    if (!isBroughtForward) expect(stateName(after.snapshot.value)).toBe(next.state);
    const again = restore({
      ...{ ...stored, version: after.chart.version, revision: after.revision },
      snapshot: persist(after),
    });
    expect([persist(again), again.owed]).toEqual([persist(after), null]);
    expect(again.key).toBe(refKey(row.ref));
    if (!isSettled(again)) expectTimers(again, Object.keys(again.timers).sort());
  });
});

describe('a chart that has changed', () => {
  const known = goldenOf('quota', null);
  const changed = { ...known, digest: 'another' };

  it('says what to do, before and after its release', () => {
    const [before] = complaintsAbout('quota', [changed]);
    expect(before).toMatch(/^quota@1 has changed \(its states.*never released: run `node ops/);
    const [after] = complaintsAbout('quota', [{ ...changed, released: '0.2.0' }]);
    expect(after).toMatch(/release 0\.2\.0 has stored.*Raise its version.*upcast 1 -> 2/);
    expect(complaintsAbout('job', [])).toEqual([expect.stringMatching(/no golden snapshots/)]);
    const stores = { ...known, states: known.states.slice(1) };
    expect(complaintsAbout('quota', [stores])).toEqual([expect.stringMatching(/what it stores/)]);
  });
});
