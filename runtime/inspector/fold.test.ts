// The journal tells the same story as the rows: folded, it is the stored snapshot (invariant I13).
import { beforeAll, describe, expect, it } from 'vitest';
import type { AnyStateNode, StateValue } from 'xstate';
import type { StoredActor } from '../../db/store.ts';
import { stateName } from '../actor.ts';
import { WHOLE_EVERY } from '../journal.ts';
import { REGISTRY } from '../versions.ts';
import { valueOf } from '../../machines/chart-reading.ts';
import { fold, type Step } from './fold.ts';
import { machineOf, stepsAfter } from './history.ts';
import { historyIn, Life } from './testing.ts';

const SEED = Number(process.env['SEED'] ?? 1);
let life: Life;
let actors: StoredActor[];
beforeAll(async () => {
  life = await Life.begin(SEED);
  await life.live(1_000);
  actors = [...life.store.tables.actors.values()];
}, 60_000);

const rowsOf = (actor: StoredActor) =>
  historyIn(life.store).rows(actor.ref, 0, Number.MAX_SAFE_INTEGER);
const storedIn = ({ snapshot }: StoredActor) =>
  JSON.parse(snapshot) as { value: unknown; context: unknown; status: string };

async function stepsFrom(actor: StoredActor, after: number, pageRows = 10): Promise<Step[]> {
  const steps: Step[] = [];
  const inspected = { ref: actor.ref, machine: machineOf(actor) };
  for await (const page of stepsAfter(historyIn(life.store), inspected, after, pageRows))
    steps.push(...page);
  return steps;
}

describe(`a whole run (SEED=${SEED})`, () => {
  it('is a run worth looking at', () => {
    const ends = new Set(actors.map(({ state }) => state));
    expect([...ends]).toEqual(
      expect.arrayContaining(['succeeded', 'failed', 'cancelled', 'expired']),
    );
    expect(Math.max(...actors.map(({ revision }) => revision))).toBeGreaterThan(2 * WHOLE_EVERY);
    const { journal } = life.store.tables;
    expect(journal.some(({ patch }) => patch.includes('$gone'))).toBe(true);
    expect(journal.filter(({ patch }) => patch.includes('"lease":null')).length).toBeGreaterThan(9);
  });

  it('folds to exactly what is stored, for every actor', async () => {
    for (const actor of actors) {
      const { steps, context } = fold(machineOf(actor), await rowsOf(actor));
      const { value, status, ...stored } = storedIn(actor);
      expect(steps).toHaveLength(actor.revision);
      expect(context).toEqual(stored.context);
      expect(steps.at(-1)!.snapshot).toEqual({
        ...{ value, status, context },
        tags: actor.tags,
      });
    }
  });

  it('is told from any turn on as from the first', async () => {
    const longest = actors.reduce((a, b) => (a.revision > b.revision ? a : b));
    const all = await stepsFrom(longest, 0);
    for (const after of [0, 1, 63, 64, 65, 127, 128, 129, longest.revision])
      expect(await stepsFrom(longest, after)).toEqual(all.slice(after));
  });

  it('begins with the first whole context where the beginning is gone', async () => {
    const longest = actors.reduce((a, b) => (a.revision > b.revision ? a : b));
    const kept = (await rowsOf(longest)).slice(9);
    const { steps } = fold(machineOf(longest), kept);
    expect(steps[0]!.revision).toBe(WHOLE_EVERY + 1);
    expect(steps).toEqual((await stepsFrom(longest, 0)).slice(WHOLE_EVERY));
  });
});

it('does not tell a journal with a hole in it', () => {
  const row = (revision: number) => ({ revision, event: '{}', to: 'queued', patch: '{}' });
  expect(() => fold(null, [row(1), row(3)])).toThrow('from turn 1 to 3');
});

it('shows a state of a chart that is gone', () => {
  const row = { revision: 1, event: '{"type":"x","at":1}', to: 'a.b', patch: '{"$whole":{"n":1}}' };
  expect(fold(null, [row]).steps[0]!.snapshot).toEqual({
    ...{ status: 'active', value: { a: 'b' }, context: { n: 1 }, tags: [] },
  });
});

it.each(['job', 'worker', 'quota'] as const)('finds every state of a %s by its name', (kind) => {
  const values = valuesOf(REGISTRY[kind].current.machine.root);
  expect(values.length).toBeGreaterThan(4);
  for (const value of values) expect(valueOf(stateName(value))).toEqual(value);
});

/** Every value a chart can be in. */
function valuesOf(node: AnyStateNode): StateValue[] {
  const children = Object.values(node.states);
  const under = (child: AnyStateNode): StateValue[] =>
    Object.keys(child.states).length === 0
      ? [child.key]
      : valuesOf(child).map((value) => ({ [child.key]: value }));
  if (node.type !== 'parallel') return children.flatMap(under);
  return children.reduce<Record<string, StateValue>[]>(
    (all, child) =>
      all.flatMap((value) => under(child).map((region) => ({ ...value, ...(region as object) }))),
    [{}],
  );
}
