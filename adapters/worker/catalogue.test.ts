// Engines that are down, lie or quarrel over a name.
import { expect, test } from 'vitest';
import { createCatalogue } from './catalogue.ts';
import { createManualClock } from './clock-testing.ts';
import { bareHost } from './engine-host.ts';
import { createHeldEngine } from './engine-testing.ts';

function setUp(...engines: ReturnType<typeof createHeldEngine>[]) {
  const clock = createManualClock();
  const errors: string[] = [];
  const changed = Promise.withResolvers<void>();
  const log = {
    info: () => {},
    warn: () => {},
    error: (_facts: object, line: string) => void errors.push(line),
  };
  const catalogue = createCatalogue({
    hosts: engines.map(bareHost),
    timers: clock,
    log,
    onChange: changed.resolve,
  });
  return { catalogue, clock, errors, changed: changed.promise };
}

test('an engine that comes up later is offered then, and the change is told', async () => {
  const late = createHeldEngine(['late']);
  let isUp = false;
  late.probe = async () => {
    if (!isUp) throw new Error('connection refused');
  };
  const { catalogue, clock, changed } = setUp(createHeldEngine(['early']), late);
  await catalogue.open();
  expect(catalogue.offers().map(({ id }) => id)).toEqual(['early']);
  isUp = true;
  clock.advance(5_000);
  await changed;
  expect(catalogue.offers().map(({ id }) => id)).toEqual(['early', 'late']);
});

test('of two engines with one model name the first is kept', async () => {
  const [first, second] = [createHeldEngine(['same']), createHeldEngine(['same', 'other'])];
  const { catalogue, errors } = setUp(first, second);
  await catalogue.open();
  expect(catalogue.hostOf('same')?.engine).toBe(first);
  expect(catalogue.hostOf('other')?.engine).toBe(second);
  expect(errors).toHaveLength(1);
});

test('an offer of a wrong shape is left out, its neighbours are not', async () => {
  const { catalogue, errors } = setUp(createHeldEngine(['Not An Id', 'fine']));
  await catalogue.open();
  expect(catalogue.offers().map(({ id }) => id)).toEqual(['fine']);
  expect(errors).toHaveLength(1);
});

test('an engine that went down and is not back soon is withdrawn, and offered again later', async () => {
  const engine = createHeldEngine(['only']);
  let isUp = true;
  engine.probe = async () => {
    if (!isUp) throw new Error('connection refused');
  };
  let goDown = (): void => undefined;
  const host = {
    ...bareHost(engine),
    onDown: (tell: (reason: string) => void) => {
      goDown = () => tell('exit code 1');
    },
  };
  const clock = createManualClock();
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  let changed = Promise.withResolvers<void>();
  const onChange = () => changed.resolve();
  const catalogue = createCatalogue({ hosts: [host], timers: clock, log, onChange });
  await catalogue.open();
  isUp = false;
  goDown();
  clock.advance(29_999);
  expect(catalogue.offers()).toHaveLength(1);
  clock.advance(1);
  await changed.promise;
  expect(catalogue.offers()).toEqual([]);
  expect(catalogue.hostOf('only')).toBeUndefined();
  isUp = true;
  changed = Promise.withResolvers();
  clock.advance(5_000);
  await changed.promise;
  expect(catalogue.offers()).toHaveLength(1);
});
