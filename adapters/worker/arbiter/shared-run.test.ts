// Several runs in one call, on a simulated card: what each gets, and that nobody suffers for another.
import { expect, it } from 'vitest';
import { EngineFailure } from '../../../machines/contract/engine.ts';
import { GB, model, setBench } from './bench-testing.ts';
import type { Mishap } from './card-testing.ts';
import { withSample } from './measurements.ts';

const quick = (change = {}) => model('a', 4, { loadMs: 1_000, batchMax: 3, ...change });
const place = (size: number, id = 'b1') => ({ id, size });

/** A model in memory, and as many of its runs as were sent together. */
async function setUp(
  options: {
    keys?: string[];
    size?: number;
    change?: object;
    mishaps?: (Mishap | null)[];
    slots?: number;
  } = {},
) {
  const { keys = ['j1', 'j2', 'j3'], size = keys.length, change, mishaps = [], slots } = options;
  const left = [...mishaps];
  const bench = setBench(
    [{ name: 'one', models: [quick(change), model('b', 4)] }],
    (what) => (what === 'run' ? (left.shift() ?? null) : null),
    { slots: slots ?? 1 },
  );
  bench.arbiter.load('a');
  await bench.pass(2_000);
  for (const key of keys) bench.run(key, 'a', place(size));
  const ends = () => bench.ends.map(({ key, how }) => `${key} ${how}`);
  const shared = () => bench.card.happened.get('shared call') ?? 0;
  return { ...bench, endsOf: ends, shared };
}

const ALL = ['j1 finished', 'j2 finished', 'j3 finished'];

it('is one call in one slot, and each gets its own', async () => {
  const { pass, endsOf, shared, ends, card, clock } = await setUp();
  const startedAt = clock.now();
  await pass(20_000);
  expect(endsOf()).toEqual(ALL);
  // 8 s alone, half of that for each further one.
  expect(ends[0]!.at - startedAt).toBeLessThan(17_500);
  expect([shared(), card.broken]).toEqual([1, []]);
});

it('comes together while its model is loaded, however far apart', async () => {
  const { arbiter, run, pass, card } = setBench([
    { name: 'one', models: [quick({ loadMs: 5_000 })] },
  ]);
  arbiter.load('a');
  for (const key of ['j1', 'j2']) {
    run(key, 'a', place(2));
    await pass(500);
  }
  await pass(30_000);
  expect(card.happened.get('shared call')).toBe(1);
});

it('begins without one that does not come within a second; who is late has a call of its own', async () => {
  const { pass, run, told, endsOf, shared } = await setUp({ keys: ['j1', 'j2'], size: 3 });
  await pass(750);
  expect(told).not.toContain('start j1');
  await pass(500);
  expect(told).toEqual(['loaded a', 'start j1', 'start j2']);
  run('j3', 'a', place(3));
  await pass(60_000);
  expect([endsOf(), shared()]).toEqual([ALL, 1]);
});

it('begins without one that is called off before; a single one runs as ever', async () => {
  const { pass, cancel, endsOf, shared } = await setUp({ keys: ['j1', 'j2'], size: 3 });
  cancel('j1');
  await pass(60_000);
  expect([endsOf(), shared()]).toEqual([['j1 cancelled', 'j2 finished'], 0]);
});

it('goes on when one is called off, who is told at once', async () => {
  const { pass, cancel, endsOf, shared, card } = await setUp();
  await pass(4_000);
  cancel('j2');
  await pass(250);
  expect(endsOf()).toEqual(['j2 cancelled']);
  await pass(20_000);
  expect(endsOf()).toEqual(['j2 cancelled', 'j1 finished', 'j3 finished']);
  expect([shared(), card.used, card.broken]).toEqual([1, 4 * GB, []]);
});

it('is stopped when all are called off; the last is told when the engine has let go', async () => {
  const { pass, cancel, endsOf, run, hosts } = await setUp({ mishaps: ['deafHang'] });
  await pass(4_000);
  for (const key of ['j1', 'j2', 'j3']) cancel(key);
  await pass(250);
  expect(endsOf()).toEqual(['j1 cancelled', 'j2 cancelled']);
  await pass(60_000);
  expect(endsOf().at(-1)).toBe('j3 cancelled');
  expect(hosts[0]!.restarts).toHaveLength(1);
  run('j4', 'a');
  await pass(60_000);
  expect(endsOf().at(-1)).toBe('j4 finished');
});

it('that runs out of memory becomes several calls, in the same attempts', async () => {
  const { pass, endsOf, shared, logged, hosts } = await setUp({
    change: { workBytes: 5 * GB, offeredBytes: 4 * GB },
  });
  await pass(60_000);
  expect([endsOf(), shared(), hosts[0]!.restarts]).toEqual([ALL, 1, []]);
  expect(logged).toEqual(['A call with several jobs failed; each is tried by itself']);
});

it('is not tried for an hour when it ran out of memory twice in a row', async () => {
  const { pass, run, endsOf, shared, logged } = await setUp({
    change: { workBytes: 5 * GB, offeredBytes: 4 * GB },
  });
  await pass(60_000);
  const again = async (id: string) => {
    for (const key of ['j4', 'j5', 'j6']) run(`${key} ${id}`, 'a', place(3, id));
    await pass(60_000);
  };
  await again('b2');
  await again('b3');
  expect([endsOf().length, shared()]).toEqual([9, 2]);
  expect(logged).toContain(
    'a ran out of memory twice in a row; for an hour its jobs run one by one',
  );
  await pass(60 * 60_000, 10_000);
  await again('b4');
  expect(shared()).toBe(3);
});

it.each([
  ['crashes', ['crash'], ALL],
  ['hangs', ['hang'], ALL],
  ['hangs deaf', ['deafHang'], ALL],
  // The second one by itself takes the engine down, too: the others do not fail for it.
  ['crashes again', ['crash', null, 'crash'], [ALL[0], 'j2 engineCrashed', ALL[2]]],
] as const)('that %s becomes several calls once the engine is back', async (_, mishaps, ends) => {
  const { pass, endsOf, card } = await setUp({ mishaps: [...mishaps] });
  await pass(300_000);
  expect(endsOf()).toEqual(ends);
  expect([card.used, card.broken]).toEqual([4 * GB, []]);
});

it('fails as one when the engine does not come back', async () => {
  const { pass, endsOf, hosts } = await setUp({ mishaps: ['crash'] });
  hosts[0]!.engine.probe = () =>
    Promise.reject(new EngineFailure('engineUnreachable', 'It is down.'));
  await pass(120_000);
  expect(endsOf()).toEqual(['j1', 'j2', 'j3'].map((key) => `${key} engineUnreachable`));
});

it('tells one that is called off at once, also while it waits behind the others', async () => {
  const { pass, cancel, endsOf } = await setUp({ mishaps: ['crash'] });
  await pass(5_000);
  // Its engine is being started again, and j3 waits behind the others.
  cancel('j3');
  await pass(250);
  expect(endsOf()).toEqual(['j3 cancelled']);
  await pass(120_000);
  expect(endsOf().slice(1)).toEqual(ALL.slice(0, 2));
});

it('teaches what a further job costs, once it is known how long one takes', async () => {
  const { pass, measurements, run } = await setUp();
  await pass(60_000);
  expect(measurements.of('a').batchCost.count).toBe(0);
  measurements.change('a', (was) => ({
    ...was,
    runMs: [8_000, 8_000, 8_000].reduce(withSample, was.runMs),
  }));
  for (const key of ['j4', 'j5', 'j6']) run(key, 'a', place(3, 'b2'));
  await pass(60_000);
  const { batchCost, runMs } = measurements.of('a');
  expect([batchCost.count, runMs.count]).toEqual([1, 3]);
  expect(batchCost.mean).toBeCloseTo(0.5, 1);
});

it('leaves room for others beside it: a call is one slot', async () => {
  const { arbiter, pass, run, told, card } = await setUp({ slots: 2 });
  arbiter.load('b');
  run('j4', 'b');
  run('j5', 'a');
  await pass(15_000);
  expect(told.slice(0, 4)).toEqual(['loaded a', 'start j1', 'start j2', 'start j3']);
  await pass(60_000);
  expect(card.broken).toEqual([]);
});
