// Commands and their answers, against a real server on a real socket.
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EngineFailure } from '../../machines/contract/engine.ts';
import { setStage } from './agent-testing.ts';
import { createManualClock } from './clock-testing.ts';
import { bareHost } from './engine-host.ts';
import { createHeldEngine, textOutput } from './engine-testing.ts';

test('says hello with its offer, and answers a load with what was measured', async () => {
  const { runtime } = await setStage();
  expect(runtime.frames[0]).toMatchObject({
    type: 'hello',
    name: 'stage',
    slots: 1,
    loaded: [],
    attempts: [],
  });
  runtime.send({ type: 'load', id: 'c1', model: 'alpha' });
  expect(await runtime.take('acknowledged')).toEqual({ type: 'acknowledged', command: 'c1' });
  expect(await runtime.take('loaded')).toEqual({
    type: 'loaded',
    model: 'alpha',
    loadMs: 12,
    vramBytes: 1000,
  });
});

test('runs a job: started, progress, text, the upload, finished', async () => {
  const { runtime, engine, load, run } = await setStage();
  await load('alpha');
  run('j1', { params: { max_tokens: 7 } });
  const held = await engine.nextRun();
  expect(held.job).toMatchObject({
    id: 'j1',
    prompt: 'hello',
    params: { max_tokens: 7, temperature: 0.8 },
  });
  held.report({ type: 'started' });
  held.report({ type: 'progress', fraction: 0.5, step: 1, steps: 2 });
  held.report({ type: 'text', index: 0, text: 'one ' });
  held.report({ type: 'text', index: 1, text: 'two' });
  held.finish('one two');
  await runtime.take('started');
  expect(await runtime.take('progress')).toMatchObject({
    job: 'j1',
    fraction: 0.5,
    step: 1,
    steps: 2,
  });
  expect(await runtime.take('text')).toMatchObject({ index: 0, text: 'one ' });
  expect(await runtime.take('text')).toMatchObject({ index: 1, text: 'two' });
  const hash = createHash('sha256').update('one two').digest('hex');
  expect(await runtime.take('finished')).toMatchObject({
    job: 'j1',
    attempt: 1,
    outputs: [{ blob: `sha256:${hash}`, bytes: 7, mediaType: 'text/plain', facts: { length: 7 } }],
  });
  expect(runtime.blobs.get(hash)?.toString()).toBe('one two');
});

test('a command that arrives twice is acknowledged twice and obeyed once', async () => {
  const { runtime, engine, load, run } = await setStage();
  await load('alpha');
  run('j1');
  run('j1');
  const held = await engine.nextRun();
  run('j1');
  for (let count = 0; count < 4; count += 1) await runtime.take('acknowledged');
  held.finish('done');
  await runtime.take('finished');
  runtime.send({ type: 'settled', job: 'j1', attempt: 1 });
  run('j1');
  await runtime.take('acknowledged');
  expect(engine.diary.filter((line) => line === 'run j1')).toHaveLength(1);
});

test('a result is removed once it is settled, not before', async () => {
  const { runtime, engine, load, run, folder } = await setStage();
  await load('alpha');
  run('j1');
  (await engine.nextRun()).finish('kept');
  await runtime.take('finished');
  expect(await readdir(join(folder, 'results'))).toEqual(['j1.1']);
  runtime.send({ type: 'settled', job: 'j1', attempt: 1 });
  run('j2');
  (await engine.nextRun()).finish('next');
  await runtime.take('finished');
  expect(await readdir(join(folder, 'results'))).toEqual(['j2.1']);
});

test('cancels a job that waits without touching the one that runs', async () => {
  const { runtime, engine, load, run } = await setStage();
  await load('alpha');
  run('running');
  const held = await engine.nextRun();
  run('waiting');
  runtime.send({ type: 'cancel', id: 'c9', job: 'waiting', attempt: 1 });
  expect(await runtime.take('cancelled')).toMatchObject({ job: 'waiting' });
  held.finish('unharmed');
  expect(await runtime.take('finished')).toMatchObject({ job: 'running' });
  expect(engine.diary).not.toContain('run waiting');
});

test('cancels a running job, and the next one gets its place', async () => {
  const { runtime, engine, load, run } = await setStage();
  await load('alpha');
  run('j1');
  await engine.nextRun();
  run('j2');
  runtime.send({ type: 'cancel', id: 'c9', job: 'j1', attempt: 1 });
  expect(await runtime.take('cancelled')).toEqual({ type: 'cancelled', job: 'j1', attempt: 1 });
  (await engine.nextRun()).finish('second');
  expect(await runtime.take('finished')).toMatchObject({ job: 'j2' });
});

test('a cancel that comes after the end hears the end again; one for a stranger is answered', async () => {
  const { runtime, engine, load, run } = await setStage();
  await load('alpha');
  run('j1');
  (await engine.nextRun()).finish('too late');
  await runtime.take('finished');
  runtime.send({ type: 'cancel', id: 'c8', job: 'j1', attempt: 1 });
  expect(await runtime.take('finished')).toMatchObject({ job: 'j1' });
  runtime.send({ type: 'cancel', id: 'c9', job: 'stranger', attempt: 3 });
  expect(await runtime.take('cancelled')).toEqual({
    type: 'cancelled',
    job: 'stranger',
    attempt: 3,
  });
});

test('an attempt that the runtime settled by itself is stopped without a report', async () => {
  const { runtime, engine, load, run } = await setStage();
  await load('alpha');
  run('j1');
  const held = await engine.nextRun();
  runtime.send({ type: 'settled', job: 'j1', attempt: 1 });
  run('j2');
  (await engine.nextRun()).finish('second');
  await runtime.take('finished');
  expect(held.signal.aborted).toBe(true);
  expect(
    runtime.frames.filter(
      (frame) => 'job' in frame && frame.job === 'j1' && frame.type !== 'started',
    ),
  ).toEqual([]);
});

test('fails with the code the engine gives, and with engineError for anything else', async () => {
  const { runtime, engine, load, run } = await setStage();
  await load('alpha');
  run('j1');
  (await engine.nextRun()).fail(new EngineFailure('outOfMemory', 'It does not fit.'));
  const again = await engine.nextRun();
  expect(again.job.isSafe).toBe(true);
  again.fail(new EngineFailure('outOfMemory', 'It does not fit.'));
  expect(await runtime.take('failed')).toMatchObject({
    job: 'j1',
    code: 'outOfMemory',
    message: 'It does not fit.',
  });
  run('j2');
  (await engine.nextRun()).fail(new Error('boom'));
  expect(await runtime.take('failed')).toMatchObject({
    job: 'j2',
    code: 'engineError',
    message: 'boom',
  });
  run('j3', { params: { max_tokens: 'many' } });
  expect(await runtime.take('failed')).toMatchObject({ job: 'j3', code: 'invalidInput' });
  run('j4', { model: 'gamma' });
  expect(await runtime.take('failed')).toMatchObject({ job: 'j4', code: 'modelMissing' });
  run('j5');
  (await engine.nextRun()).finishWith([]);
  expect(await runtime.take('failed')).toMatchObject({ job: 'j5', code: 'outputMissing' });
});

test('ends a job at its time limit with timedOut', async () => {
  const clock = createManualClock();
  const { runtime, engine, load, run } = await setStage({ seams: { timers: clock } });
  await load('alpha');
  run('j1', { timeLimitMs: 5000 });
  const held = await engine.nextRun();
  clock.advance(4999);
  expect(held.signal.aborted).toBe(false);
  clock.advance(1);
  expect(await runtime.take('failed')).toMatchObject({ job: 'j1', code: 'timedOut' });
});

test('fetches inputs with its key and checks them against their names', async () => {
  const { runtime, engine, load, run } = await setStage();
  await load('alpha');
  const bytes = new TextEncoder().encode('a voice');
  const blob = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  runtime.inputs.set('j1/0', bytes);
  run('j1', { inputs: [{ role: 'audio', blob }] });
  expect((await engine.nextRun()).job.inputs).toEqual([{ role: 'audio', bytes }]);
  runtime.inputs.set('j2/0', new TextEncoder().encode('another voice'));
  runtime.send({ type: 'cancel', id: 'c1', job: 'j1', attempt: 1 });
  run('j2', { inputs: [{ role: 'audio', blob }] });
  expect(await runtime.take('failed')).toMatchObject({ job: 'j2', code: 'engineError' });
});

test('drains: what was ordered ends first', async () => {
  const { runtime, engine, load, run } = await setStage();
  await load('alpha');
  run('j1');
  const held = await engine.nextRun();
  runtime.send({ type: 'drain', id: 'd1' });
  for (let count = 0; count < 3; count += 1) await runtime.take('acknowledged');
  expect(runtime.frames.some((frame) => frame.type === 'drained')).toBe(false);
  held.finish('last');
  await runtime.take('drained');
  const order = runtime.frames.map((frame) => frame.type);
  expect(order.indexOf('drained')).toBeGreaterThan(order.indexOf('finished'));
});

test('an idle worker is drained at once', async () => {
  const { runtime } = await setStage();
  runtime.send({ type: 'drain', id: 'd1' });
  await runtime.take('drained');
});

test('frames that are not of the protocol are logged and change nothing', async () => {
  const { runtime, load, logged } = await setStage();
  runtime.sendText('{nonsense');
  runtime.sendText(JSON.stringify({ type: 'explode', id: 'x' }));
  await load('alpha');
  expect(logged.filter((line) => line.includes('is ignored'))).toHaveLength(2);
});

test('cancels a job while its result is on the way', async () => {
  const { runtime, engine, load, run, folder } = await setStage();
  await load('alpha');
  runtime.faults.push(...Array.from({ length: 9 }, () => ({ status: 503 })));
  run('j1');
  (await engine.nextRun()).finish('never arrives');
  await runtime.requested('PUT');
  runtime.send({ type: 'cancel', id: 'c9', job: 'j1', attempt: 1 });
  await runtime.take('cancelled');
  expect(runtime.frames.some((frame) => frame.type === 'finished')).toBe(false);
  runtime.send({ type: 'settled', job: 'j1', attempt: 1 });
  runtime.faults.length = 0;
  run('j2');
  (await engine.nextRun()).finish('arrives');
  await runtime.take('finished');
  expect(await readdir(join(folder, 'results'))).toEqual(['j2.1']);
});

test('an engine that ignores its signal keeps the GPU, but not the answer', async () => {
  const clock = createManualClock();
  const deaf = createHeldEngine();
  const released = Promise.withResolvers<void>();
  deaf.run = async ({ id }) => {
    deaf.diary.push(`run ${id}`);
    await released.promise;
    return [textOutput(id)];
  };
  const { runtime, load, run } = await setStage({
    hosts: [bareHost(deaf)],
    seams: { timers: clock },
  });
  await load('alpha');
  run('j1');
  run('j2');
  for (let count = 0; count < 3; count += 1) await runtime.take('acknowledged');
  runtime.send({ type: 'cancel', id: 'c9', job: 'j1', attempt: 1 });
  await clock.armed(10_000);
  await runtime.take('acknowledged');
  clock.advance(10_000);
  expect(await runtime.take('cancelled')).toMatchObject({ job: 'j1' });
  expect(deaf.diary).not.toContain('run j2');
  released.resolve();
  expect(await runtime.take('finished')).toMatchObject({ job: 'j2' });
});

test('stops its work and clears its folder when it is closed', async () => {
  const { engine, agent, load, run, folder } = await setStage();
  await load('alpha');
  run('j1');
  const held = await engine.nextRun();
  await agent.close();
  expect(await agent.closed).toBe('The worker was stopped.');
  expect(held.signal.aborted).toBe(true);
  expect(await readdir(folder)).toEqual(['measurements.json']);
});
