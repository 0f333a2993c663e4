// Several jobs in one engine call, against a real server on a real socket: to the runtime each is an attempt of
// its own.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { EngineFailure } from '../../machines/contract/engine.ts';
import { setStage, type Stage } from './agent-testing.ts';

const JOBS = ['j1', 'j2', 'j3'];
const batch = { id: 'b1', size: 3 };

/** Three that were sent together, and their call under way. */
async function setCall(stage: Stage) {
  await stage.load('alpha');
  for (const job of JOBS) stage.run(job, { batch });
  const call = await stage.engine.nextBatch();
  expect(call.members.map(({ job }) => job.id)).toEqual(JOBS);
  return call;
}

const blobOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

test('each has its start, its progress, its upload and its end', async () => {
  const stage = await setStage();
  const call = await setCall(stage);
  for (const [n, { report }] of call.members.entries()) {
    report({ type: 'started' });
    report({ type: 'progress', fraction: (n + 1) / 10 });
  }
  const { runtime, engine } = stage;
  for (const [n, job] of JOBS.entries()) {
    expect(await runtime.take('started')).toMatchObject({ job });
    expect(await runtime.take('progress')).toMatchObject({ job, fraction: (n + 1) / 10 });
  }
  call.finish('one', 'two', 'three');
  const ends = [await runtime.take('finished'), await runtime.take('finished')];
  ends.push(await runtime.take('finished'));
  const made = ends.map(({ job, outputs }) => [job, outputs[0]!.blob]);
  expect(made.sort()).toEqual([
    ['j1', blobOf('one')],
    ['j2', blobOf('two')],
    ['j3', blobOf('three')],
  ]);
  expect(engine.diary.filter((line) => line.startsWith('run'))).toEqual(['run j1 and j2 and j3']);
});

test('one is called off at once, and the call goes on without its output', async () => {
  const stage = await setStage();
  const { runtime } = stage;
  const call = await setCall(stage);
  runtime.send({ type: 'cancel', id: 'c1', job: 'j2', attempt: 1 });
  expect(await runtime.take('cancelled')).toMatchObject({ job: 'j2', attempt: 1 });
  expect(call.members.map(({ signal }) => signal.aborted)).toEqual([false, true, false]);
  expect(call.signal.aborted).toBe(false);
  call.finish('one', 'nobody', 'three');
  expect(await runtime.take('finished')).toMatchObject({ job: 'j1' });
  expect(await runtime.take('finished')).toMatchObject({ job: 'j3' });
  const uploaded = [...runtime.blobs.keys()].map((hash) => `sha256:${hash}`);
  expect(uploaded.sort()).toEqual([blobOf('one'), blobOf('three')].sort());
});

test('when all are called off the engine is stopped', async () => {
  const stage = await setStage();
  const call = await setCall(stage);
  for (const job of JOBS) stage.runtime.send({ type: 'cancel', id: `c-${job}`, job, attempt: 1 });
  for (const _ of JOBS) await stage.runtime.take('cancelled');
  expect(call.signal.aborted).toBe(true);
  expect(stage.engine.diary.at(-1)).toBe('stopped j1 and j2 and j3');
});

test('when the call fails each is tried by itself, in the same attempt', async () => {
  const stage = await setStage();
  const { runtime, engine } = stage;
  const call = await setCall(stage);
  call.fail(new EngineFailure('outOfMemory', 'It does not fit.'));
  (await engine.nextRun()).finish('one');
  (await engine.nextRun()).fail(new EngineFailure('invalidInput', 'Not this one.'));
  (await engine.nextRun()).finish('three');
  expect(await runtime.take('failed')).toMatchObject({ job: 'j2', attempt: 1 });
  const ends = [await runtime.take('finished'), await runtime.take('finished')];
  expect(ends.map(({ job }) => job).sort()).toEqual(['j1', 'j3']);
});

test('after a broken connection nothing is done again, and every end is told', async () => {
  const stage = await setStage();
  const { runtime, engine } = stage;
  const call = await setCall(stage);
  runtime.drop();
  await runtime.take('hello');
  const named = runtime.frames.findLast((frame) => frame.type === 'hello');
  expect(named?.attempts.map(({ job }) => job)).toEqual(JOBS);
  for (const job of JOBS) stage.run(job, { batch });
  call.finish('one', 'two', 'three');
  for (const _ of JOBS) await runtime.take('finished');
  expect(engine.diary.filter((line) => line.startsWith('run'))).toHaveLength(1);
});

test('one whose parameters are wrong fails alone', async () => {
  const stage = await setStage();
  const { runtime, engine } = stage;
  await stage.load('alpha');
  stage.run('j1', { batch });
  stage.run('j2', { batch, params: { max_tokens: 'many' } });
  stage.run('j3', { batch });
  expect(await runtime.take('failed')).toMatchObject({ job: 'j2', code: 'invalidInput' });
  const call = await engine.nextBatch();
  expect(call.members.map(({ job }) => job.id)).toEqual(['j1', 'j3']);
  call.finish('one', 'three');
  for (const _ of ['j1', 'j3']) await runtime.take('finished');
});
