// The order of the GPU, with engines held by hand.
import { expect, test } from 'vitest';
import { createArbiter, type ArbiterEvents } from './arbiter.ts';
import { measurementsInMemory } from './measurement-file.ts';
import { createManualClock } from '../clock-testing.ts';
import { bareHost } from '../engine-host.ts';
import { createHeldEngine } from '../engine-testing.ts';

function setUp(slots = 1) {
  const engine = createHeldEngine();
  const told: string[] = [];
  const waiters = new Set<() => void>();
  const tell = (line: string) => {
    told.push(line);
    for (const wake of [...waiters]) wake();
  };
  const events: ArbiterEvents = {
    loaded: (model) => tell(`loaded ${model}`),
    loadFailed: (model, code) => tell(`loadFailed ${model} ${code}`),
    unloaded: (model) => tell(`unloaded ${model}`),
  };
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const host = bareHost(engine);
  const arbiter = createArbiter({
    hosts: [host],
    hostOf: (model) => (model === 'nowhere' ? undefined : host),
    offerOf: () => undefined,
    slots,
    vramBytes: 16_000,
    measurements: measurementsInMemory(),
    timers: createManualClock(),
    events,
    log,
  });
  const ends = new Map<string, () => void>();
  const run = (key: string, model: string) =>
    arbiter.run({
      key,
      model,
      work: 1,
      start: () => {
        tell(`start ${key}`);
        return new Promise((resolve) => ends.set(key, resolve));
      },
      giveUp: (code) => tell(`giveUp ${key} ${code}`),
    });
  const until = (line: string) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!told.includes(line)) return;
        waiters.delete(look);
        resolve();
      };
      waiters.add(look);
      look();
    });
  return { engine, arbiter, told, run, until, end: (key: string) => ends.get(key)?.() };
}

test('a run waits for the load that was ordered before it', async () => {
  const { engine, arbiter, told, run, until } = setUp();
  const gate = engine.holdLoads();
  arbiter.load('alpha');
  run('j1', 'alpha');
  expect(told).toEqual([]);
  gate.release();
  await until('start j1');
  expect(told).toEqual(['loaded alpha', 'start j1']);
});

test('a run that overtook its load waits without standing in the way', async () => {
  const { arbiter, told, run, until } = setUp();
  run('j1', 'alpha');
  arbiter.load('alpha');
  await until('start j1');
  expect(told).toEqual(['loaded alpha', 'start j1']);
});

test('unload waits for the run, and the next load waits for the unload', async () => {
  const { arbiter, told, run, until, end } = setUp();
  arbiter.load('alpha');
  run('j1', 'alpha');
  await until('start j1');
  arbiter.unload('alpha');
  arbiter.load('beta');
  run('j2', 'beta');
  expect(told).toEqual(['loaded alpha', 'start j1']);
  end('j1');
  await until('start j2');
  expect(told).toEqual(['loaded alpha', 'start j1', 'unloaded alpha', 'loaded beta', 'start j2']);
  expect(arbiter.loaded()).toEqual(['beta']);
});

test('as many runs as slots go at once, the others in their order', async () => {
  const { arbiter, told, run, until, end } = setUp(2);
  arbiter.load('alpha');
  for (const key of ['j1', 'j2', 'j3', 'j4']) run(key, 'alpha');
  await until('start j2');
  expect(told).not.toContain('start j3');
  end('j2');
  await until('start j3');
  expect(told).not.toContain('start j4');
});

test('loading what is loaded answers again and works no second time', async () => {
  const { engine, arbiter, told, until } = setUp();
  arbiter.load('alpha');
  await until('loaded alpha');
  arbiter.load('alpha');
  arbiter.unload('beta');
  await until('unloaded beta');
  expect(told).toEqual(['loaded alpha', 'loaded alpha', 'unloaded beta']);
  expect(engine.diary.filter((line) => line === 'load alpha')).toHaveLength(1);
});

test('runs behind a failed load are given up, those behind the next load are not', async () => {
  const { engine, arbiter, told, run, until } = setUp();
  const gate = engine.holdLoads();
  arbiter.load('alpha');
  run('j1', 'alpha');
  arbiter.load('alpha');
  run('j2', 'alpha');
  gate.reject(new Error('no room'));
  await until('giveUp j1 modelLoadFailed');
  await until('giveUp j2 modelLoadFailed');
  expect(told).toEqual([
    'loadFailed alpha modelLoadFailed',
    'giveUp j1 modelLoadFailed',
    'loadFailed alpha modelLoadFailed',
    'giveUp j2 modelLoadFailed',
  ]);
});

test('a model that no engine has cannot be loaded', async () => {
  const { arbiter, until } = setUp();
  arbiter.load('nowhere');
  await until('loadFailed nowhere modelMissing');
});

test('a withdrawn run frees the way', async () => {
  const { arbiter, told, run, until, end } = setUp();
  arbiter.load('alpha');
  run('j1', 'alpha');
  run('j2', 'alpha');
  run('j3', 'alpha');
  await until('start j1');
  expect(arbiter.withdraw('j2')).toBe(true);
  expect(arbiter.withdraw('j1')).toBe(false);
  end('j1');
  await until('start j3');
  expect(told).not.toContain('start j2');
});
