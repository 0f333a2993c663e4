// Many seeded hours on one simulated card, with everything that can go wrong: every attempt ends exactly once,
// the budget holds, nothing busy or pinned is unloaded, and in the end the card does what it is told again.
import { expect, it } from 'vitest';
import { GB, model, setBench } from './bench-testing.ts';
import type { Mishap } from './card-testing.ts';

const SEEDS = 40;
const STEPS = 60;

/** The same numbers for the same seed, wherever it runs. */
function drawing(seed: number) {
  let state = seed * 2_654_435_761;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    chance: (probability: number) => next() < probability,
    integer: (most: number) => Math.floor(next() * most),
    pick: <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!,
  };
}

/** Five modalities; one engine's offers are too small, so that the card does run out. */
const ENGINES = [
  {
    name: 'painter',
    // Three at once fit beside nothing else.
    models: [
      model('sdxl', 7, { workBytes: 3 * GB, batchMax: 3 }),
      model('flux', 12, { workBytes: 2 * GB }),
    ],
    concurrency: 1,
  },
  { name: 'filmer', models: [model('wan', 9, { workBytes: 6 * GB, offeredBytes: 9 * GB })] },
  { name: 'writer', models: [model('llama', 5), model('qwen', 8)], concurrency: 2 },
  { name: 'listener', models: [model('whisper', 2, { loadMs: 3_000 })], pinned: ['whisper'] },
  { name: 'speaker', models: [model('kokoro', 1, { offeredBytes: 0, loadMs: 1_000 })] },
];
const MODELS = ENGINES.flatMap(({ models }) => models.map(({ id }) => id));

async function play(seed: number) {
  const random = drawing(seed);
  let isHealed = false;
  const befalls = (what: 'load' | 'run'): Mishap | null => {
    if (isHealed || !random.chance(0.15)) return null;
    return what === 'load' ? 'loadHang' : random.pick(['crash', 'hang', 'deafHang'] as const);
  };
  const bench = setBench(ENGINES, befalls, { slots: 1 + random.integer(3) });
  const { arbiter, card, hosts, run, cancel, pass, ends, told } = bench;
  const keys: string[] = [];

  const act = (step: number) => {
    const id = random.pick(MODELS);
    if (random.chance(0.6)) {
      // Mostly as the runtime does; now and then the model is taken to be loaded.
      if (random.chance(0.8)) arbiter.load(id);
      const size = id === 'sdxl' ? 1 + random.integer(3) : 1;
      const batch = size > 1 ? { id: `b${step}`, size } : undefined;
      // Now and then one of them does not come.
      const come = size - (size > 1 && random.chance(0.2) ? 1 : 0);
      for (let n = 0; n < come; n += 1) {
        keys.push(`j${step}.${n}`);
        run(`j${step}.${n}`, id, batch);
      }
      return;
    }
    const what = random.pick(['cancel', 'crash', 'unload', 'nothing'] as const);
    if (what === 'cancel' && keys.length > 0) cancel(random.pick(keys));
    if (what === 'crash') hosts[random.integer(ENGINES.length)]!.crash('killed');
    if (what === 'unload' && id !== 'whisper') arbiter.unload(id);
  };
  for (let step = 0; step < STEPS; step += 1) {
    act(step);
    await pass(random.integer(40) * 1_000, 1_000);
  }
  isHealed = true;
  // As long as everything that hangs may take, one after another.
  for (let minutes = 0; minutes < 240 && ends.length < keys.length; minutes += 1)
    await pass(60_000, 1_000);

  expect(card.broken, 'what must never happen').toEqual([]);
  expect(card.used, 'the budget').toBeLessThanOrEqual(card.bytes);
  expect(ends.map(({ key }) => key).sort(), 'each ends once').toEqual([...keys].sort());
  const really = hosts.flatMap(({ inMemory }) => [...inMemory]).sort();
  expect([...arbiter.loaded()].sort(), 'what is loaded').toEqual(really);
  const said = new Set<string>();
  for (const [what, id] of told.map((line) => line.split(' '))) {
    if (what === 'loaded') said.add(id!);
    if (what === 'unloaded') said.delete(id!);
  }
  expect([...said].sort(), 'what was told').toEqual(really);

  for (const id of ['llama', 'sdxl']) run(`last-${id}`, id);
  await pass(120_000, 1_000);
  expect([bench.howOf('last-llama'), bench.howOf('last-sdxl')], 'afterwards').toEqual([
    ['finished'],
    ['finished'],
  ]);
  return { happened: card.happened, ends };
}

it('holds through every seed, and each kind of mishap has happened', async () => {
  const happened = new Map<string, number>();
  const hows = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const one = await play(seed).catch((error: Error) => {
      throw new Error(`seed ${seed}: ${error.message}`, { cause: error });
    });
    for (const [what, count] of one.happened) happened.set(what, (happened.get(what) ?? 0) + count);
    for (const { how } of one.ends) hows.add(how);
  }
  expect([...happened.keys()].sort()).toEqual(
    [
      'crash',
      'deafHang',
      'hang',
      'load hangs',
      'out of memory',
      'restart',
      'safe run',
      'shared call',
      'unload',
    ].sort(),
  );
  expect([...hows].sort()).toEqual(
    expect.arrayContaining(['cancelled', 'engineCrashed', 'finished', 'outOfMemory']),
  );
}, 60_000);
