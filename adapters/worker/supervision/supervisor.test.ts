// What the supervisor does, in its own time: a clock that a test moves, lives that a test ends.
import { expect, onTestFinished, test } from 'vitest';
import { textParams } from '../../../machines/contract/requests.ts';
import type { EngineJob } from '../../../machines/contract/engine.ts';
import { setSupervisorStage, type SupervisorStage } from './stage-testing.ts';

function begin(change: Partial<SupervisorStage['world']> = {}): SupervisorStage {
  const stage = setSupervisorStage();
  Object.assign(stage.world, change);
  stage.supervisor.start();
  onTestFinished(() => stage.supervisor.stop());
  return stage;
}
const JOB: EngineJob = {
  id: 'j1',
  attempt: 1,
  model: 'alpha',
  modality: 'text',
  prompt: 'hello',
  params: textParams.parse({}),
  count: 1,
  inputs: [],
};
const isUp = /The engine held is up/;

test('an engine that died is started again, after a pause that grows', async () => {
  const { nextLife, clock, logs, logged, downs, world } = begin();
  const first = await nextLife();
  await logs(isUp);
  first.die('exit code 3');
  await clock.armed(1_000);
  expect(downs).toEqual(['exit code 3']);
  expect(logged.at(-1)).toBe(
    'warn: The engine held has ended (exit code 3); it said: no such file. It is started again in 1 s.',
  );
  world.launchFails = 'there is no such program';
  clock.advance(1_000);
  await clock.armed(2_000);
  clock.advance(2_000);
  await clock.armed(4_000);
  world.launchFails = null;
  clock.advance(4_000);
  await nextLife();
  // It went down once: what never came up did not go down.
  expect(downs).toHaveLength(1);
});

test('when nothing helps, that is said, and it is tried slowly from there on', async () => {
  const { clock, logs, world, nextLife } = begin({ launchFails: 'there is no such program' });
  for (const pauseMs of [1_000, 2_000, 4_000, 8_000]) {
    await clock.armed(pauseMs);
    clock.advance(pauseMs);
  }
  expect(await logs(/^error/)).toBe(
    'error: The engine held has ended (there is no such program); it said: no such file. That was 5 ' +
      'times in a row; /logs/held.log has all that it said. It is tried again every few minutes.',
  );
  await clock.armed(300_000);
  world.launchFails = null;
  clock.advance(300_000);
  await nextLife();
});

test('one that served for long begins a new story when it dies', async () => {
  const { clock, nextLife, logs, logged, world } = begin({ launchFails: 'no' });
  await clock.armed(1_000);
  clock.advance(1_000);
  await clock.armed(2_000);
  world.launchFails = null;
  clock.advance(2_000);
  const life = await nextLife();
  await logs(isUp);
  await clock.armed(15_000);
  clock.advance(70_000);
  life.die('SIGSEGV');
  await logs(/SIGSEGV/);
  expect(logged.at(-1)).toContain('started again in 1 s');
});

test('a long start is told of, and given up after twenty minutes', async () => {
  const { clock, logs, nextLife } = begin({ health: 'connection refused' });
  const life = await nextLife();
  for (let ms = 0; ms < 15_000; ms += 500) {
    await clock.armed(500);
    clock.advance(500);
  }
  expect(await logs(/has been starting/)).toBe('info: The engine held has been starting for 15 s');
  await clock.armed(500);
  clock.advance(20 * 60_000);
  await logs(/did not serve in time: connection refused/);
  expect(life.isStopped()).toBe(true);
});

test('a restart ends the old life, takes no pause, and resolves when the new one serves', async () => {
  const { supervisor, nextLife, logs, downs, world, clock } = begin();
  const old = await nextLife();
  await logs(isUp);
  world.health = 'starting';
  const asked = supervisor.restart!('out of memory');
  expect(supervisor.restart!('out of memory again')).toBe(asked);
  await nextLife();
  expect(old.isStopped()).toBe(true);
  await clock.armed(500);
  world.health = null;
  clock.advance(500);
  await asked;
  // Whoever asked knows.
  expect(downs).toEqual([]);
});

test('a restart that fails says why, and later ones are possible', async () => {
  const { supervisor, nextLife, logs, world } = begin();
  await nextLife();
  await logs(isUp);
  world.launchFails = 'the image is gone';
  await expect(supervisor.restart!('mute')).rejects.toThrow(/held has ended \(the image is gone\)/);
  world.launchFails = null;
  // Asked during the pause: it does not wait for its end.
  await supervisor.restart!('once more');
  await nextLife();
});

test('an engine that lives and does not answer for five minutes is started anew', async () => {
  const { clock, nextLife, logs, world, downs } = begin();
  const life = await nextLife();
  await logs(isUp);
  world.health = 'no answer';
  for (let ms = 0; ms < 5 * 60_000; ms += 15_000) {
    await clock.armed(15_000);
    expect(life.isStopped()).toBe(false);
    clock.advance(15_000);
  }
  await clock.armed(1_000);
  expect(downs).toEqual(['it has not answered for 5 minutes: no answer']);
});

test('one that is away while it loads is left alone', async () => {
  const { clock, nextLife, logs, world, engine, supervisor, downs } = begin();
  await nextLife();
  await logs(isUp);
  const loads = engine.holdLoads();
  const loading = supervisor.engine.load('alpha', new AbortController().signal);
  world.health = 'connection refused';
  for (let ms = 0; ms < 6 * 60_000; ms += 15_000) {
    await clock.armed(15_000);
    clock.advance(15_000);
  }
  expect(downs).toEqual([]);
  world.health = null;
  loads.release();
  await loading;
});

test('a container that lost the card is made anew once its job has ended', async () => {
  const { clock, nextLife, logs, world, engine, supervisor, downs, say } = begin();
  const life = await nextLife();
  await logs(isUp);
  const { signal } = new AbortController();
  const running = supervisor.engine.run(JOB, () => undefined, signal);
  const run = await engine.nextRun();
  Object.assign(world, { inside: false, host: true });
  say('RuntimeError: Failed to initialize NVML: Unknown Error');
  await clock.armed(60_000);
  expect(life.isStopped()).toBe(false);
  run.finish('done');
  await running;
  await clock.armed(1_000);
  clock.advance(1_000);
  await nextLife();
  expect(downs).toEqual(['it has lost the graphics card, which the machine still has']);
  expect(life.isStopped()).toBe(true);
});

test('a failed job that speaks of the card is a sign, too', async () => {
  const stage = begin({ inside: null, host: true });
  const { clock, nextLife, logs, engine, supervisor, downs } = stage;
  await nextLife();
  await logs(isUp);
  const { signal } = new AbortController();
  const running = supervisor.engine.run(JOB, () => undefined, signal);
  const cause = new Error('CUDA error: no CUDA-capable device is detected');
  (await engine.nextRun()).fail(new Error('The engine failed.', { cause }));
  await expect(running).rejects.toThrow('The engine failed.');
  await clock.armed(1_000);
  expect(downs).toEqual(['it has lost the graphics card, which the machine still has']);
});

test('where the machine itself has lost the card, that is said once and nothing is restarted', async () => {
  const { clock, nextLife, logs, logged, say, downs } = begin({ inside: false, host: false });
  await nextLife();
  await logs(isUp);
  say('no CUDA-capable device is detected');
  await logs(/The driver of this machine reaches no graphics card/);
  await clock.armed(60_000);
  clock.advance(60_000);
  await clock.armed(60_000);
  expect(logged.filter((line) => line.startsWith('error'))).toHaveLength(1);
  expect(downs).toEqual([]);
});

test('a stop ends the engine, also while it starts or rests, and restarts are refused then', async () => {
  for (const world of [{}, { health: 'starting' }, { launchFails: 'no' }]) {
    const stage = begin(world);
    if (!('launchFails' in world)) await stage.nextLife();
    else await stage.clock.armed(1_000);
    await stage.supervisor.stop();
    await expect(stage.supervisor.restart!('late')).rejects.toThrow('The worker stops.');
  }
});
