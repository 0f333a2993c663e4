// The connection breaks in every place where it hurts; nothing is lost and nothing is done twice.
import { expect, test } from 'vitest';
import { setStage } from './agent-testing.ts';
import { comeBackIn } from '../../machines/contract/worker-protocol.ts';
import { createManualClock } from './clock-testing.ts';

test('a job runs on while the connection is away, and its state is told again', async () => {
  const { runtime, engine, load, run } = await setStage();
  await load('alpha');
  run('j1');
  const held = await engine.nextRun();
  held.report({ type: 'text', index: 0, text: 'one ' });
  await runtime.take('text');
  await runtime.take('started');
  runtime.drop();
  held.report({ type: 'text', index: 1, text: 'two' });
  held.report({ type: 'progress', fraction: 0.7 });
  const hello = await runtime.take('hello');
  expect(hello).toMatchObject({ loaded: ['alpha'], attempts: [{ job: 'j1', attempt: 1 }] });
  await runtime.take('started');
  expect(await runtime.take('text')).toMatchObject({ index: 0, text: 'one ' });
  expect(await runtime.take('text')).toMatchObject({ index: 1, text: 'two' });
  expect(await runtime.take('progress')).toMatchObject({ fraction: 0.7 });
  held.finish('one two');
  await runtime.take('finished');
  expect(engine.diary.filter((line) => line === 'run j1')).toHaveLength(1);
});

test('an end is repeated after every reconnect until it is settled; the epoch stays', async () => {
  const { runtime, engine, load, run } = await setStage();
  await load('alpha');
  run('j1');
  (await engine.nextRun()).finish('result');
  const finished = await runtime.take('finished');
  for (let count = 0; count < 2; count += 1) {
    runtime.drop();
    expect((await runtime.take('hello')).attempts).toEqual([{ job: 'j1', attempt: 1 }]);
    expect(await runtime.take('finished')).toEqual(finished);
  }
  runtime.send({ type: 'settled', job: 'j1', attempt: 1 });
  await load('beta');
  runtime.drop();
  expect((await runtime.take('hello')).attempts).toEqual([]);
  const epochs = runtime.frames.flatMap((frame) => (frame.type === 'hello' ? [frame.epoch] : []));
  expect(new Set(epochs).size).toBe(1);
});

test('a result that ends while the runtime is away arrives when it is back', async () => {
  const { runtime, engine, load, run } = await setStage();
  await load('alpha');
  run('j1');
  const held = await engine.nextRun();
  runtime.refuseWith(503);
  runtime.drop();
  held.finish('patience');
  await runtime.dialled(3);
  runtime.refuseWith(undefined);
  await runtime.take('hello');
  expect(await runtime.take('finished')).toMatchObject({ job: 'j1' });
});

test('a load that ends while the connection is away is told again', async () => {
  const { runtime, engine } = await setStage();
  const gate = engine.holdLoads();
  runtime.send({ type: 'load', id: 'c1', model: 'alpha' });
  await runtime.take('acknowledged');
  runtime.refuseWith(503);
  runtime.drop();
  await runtime.dialled(2);
  gate.reject(new Error('no room'));
  await runtime.dialled(3);
  runtime.refuseWith(undefined);
  await runtime.take('hello');
  expect(await runtime.take('loadFailed')).toMatchObject({
    model: 'alpha',
    code: 'modelLoadFailed',
  });
});

test('a refused key is told in one sentence and asked again', async () => {
  const { runtime, logged } = await setStage({ key: 'tsr_worker_wrong' });
  await runtime.dialled(2);
  expect(logged[0]).toContain("refused this worker's key (401)");
  expect(logged[0]).toContain('tessera key enrol');
});

test('stays away as long as a crowded runtime asks, and that is no failure', async () => {
  const clock = createManualClock();
  const seams = { timers: clock, random: () => 0 };
  const { runtime, logged } = await setStage({ seams });
  runtime.closeSession(1013, comeBackIn(1_700));
  await clock.armed(1_700);
  clock.advance(1_699);
  expect(runtime.frames.filter(({ type }) => type === 'hello')).toHaveLength(1);
  clock.advance(1);
  await runtime.take('hello');
  expect(logged.filter((line) => !line.startsWith('info'))).toEqual([]);
});

test('a newer session of the same worker ends this one', async () => {
  const { runtime, agent } = await setStage();
  runtime.closeSession(4001, 'newer session');
  expect(await agent.closed).toContain('newer session');
});

test('beats at the pace the runtime asks for, and gives up a silent socket', async () => {
  const clock = createManualClock();
  // Chance is held too, so that the first backoff is half of 250 ms.
  const seams = { timers: clock, random: () => 0 };
  const { runtime, load } = await setStage({ seams, heartbeatMs: 1000 });
  await load('alpha');
  clock.advance(1000);
  await runtime.take('heartbeat');
  clock.advance(1000);
  await runtime.take('heartbeat');
  // Nothing of the network is heard while the clock leaps.
  clock.advance(4000);
  await clock.armed(125);
  clock.advance(125);
  await runtime.take('hello');
});
