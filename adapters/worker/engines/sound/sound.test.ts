// What is special about sound: tasks that are lost, work that cannot be stopped, answers of any shape.
import { describe, expect, it, onTestFinished } from 'vitest';
import type { EngineJob, EngineUpdate } from '../../../../machines/contract/engine.ts';
import { PARAMS } from '../../../../machines/contract/requests.ts';
import { quickTimers } from '../../clock-testing.ts';
import { createSoundEngine } from './engine.ts';
import { soundSettings } from './settings.ts';
import { startSoundServer, type SoundTongue } from './simulator.ts';

const never = new AbortController().signal;
const BODY = { text: '{{prompt}}', duration: '{{seconds}}', seed: '{{seed}}' };
const wrapper = (path: string, answer: object) => ({
  ...{ kind: 'template', path, body: BODY, answer },
});

async function open(tongue: SoundTongue, wire: object, change: object = {}) {
  const server = await startSoundServer(tongue);
  const engine = createSoundEngine(
    soundSettings.parse({
      url: server.simulator.url,
      wire,
      models: [{ id: 'tunes', name: 'Tunes', description: 'x', model: 'music', ...change }],
    }),
    { timers: quickTimers, random: () => 0.25 },
  );
  onTestFinished(async () => {
    await engine.close();
    await server.simulator.close();
  });
  await engine.load('tunes', never);
  const make = async (
    params: object = {},
    job: Partial<EngineJob> = {},
    signal = never,
    onProgress = () => {},
  ) => {
    const updates: EngineUpdate[] = [];
    const made = await engine.run(
      {
        ...{ id: 'job_sound', attempt: 1, model: 'tunes', modality: 'audio', prompt: 'rain' },
        params: PARAMS.audio.parse({ seconds: 2, ...params }),
        count: 1,
        inputs: [],
        ...job,
      },
      (update) => {
        updates.push(update);
        if (update.type === 'progress') onProgress();
      },
      signal,
    );
    const fractions = updates.flatMap((update) =>
      update.type === 'progress' ? [update.fraction] : [],
    );
    return { outputs: made, fractions };
  };
  return { server, engine, make };
}

describe('ACE-Step', () => {
  const aceStep = { kind: 'ace-step', thinking: true };

  it('is asked for one file, with a seed of its own for each', async () => {
    const { server, make } = await open('ace-step', aceStep, { sings: true });
    const { outputs } = await make({ lyrics: 'la la', seed: 4_294_967_295 }, { count: 2 });
    expect(outputs.map(({ facts }) => facts['seed'])).toEqual([4_294_967_295, 0]);
    expect(server.asked).toMatchObject([
      { batch_size: 1, use_random_seed: false, lyrics: 'la la', thinking: true, prompt: 'rain' },
      { batch_size: 1, seed: 0 },
    ]);
  });

  it('plans nothing after the card ran out of memory', async () => {
    const { server, make } = await open('ace-step', aceStep);
    await make({}, { isSafe: true });
    expect(server.asked).toMatchObject([{ thinking: false }]);
  });

  it('tells the progress that the server tells, and 1 only at the end', async () => {
    const { server, make } = await open('ace-step', aceStep);
    server.mishaps.msPerSecond = 60_000;
    let told = 0;
    // Done at the third report, however long those took.
    const finish = () => {
      if ((told += 1) === 3) for (const task of server.tasks.values()) task.state = 'succeeded';
    };
    const { fractions } = await make({}, {}, never, finish);
    expect(fractions.length).toBeGreaterThan(3);
    expect(fractions.filter((fraction) => fraction >= 1)).toEqual([1]);
  });

  it('knows a task as lost that looks as if it waited for ever', async () => {
    const { server, make } = await open('ace-step', aceStep);
    server.mishaps.msPerSecond = 10_000;
    const making = make();
    await server.whenBusy();
    server.tasks.clear();
    await expect(making).rejects.toThrow('forgot the task');
  });

  it('holds the card until a cancelled task has ended, which nothing can hurry', async () => {
    const { server, make } = await open('ace-step', aceStep);
    server.mishaps.msPerSecond = 50;
    const stop = new AbortController();
    const reason = new Error('no longer wanted');
    const making = make({}, {}, stop.signal);
    await server.whenBusy();
    stop.abort(reason);
    await expect(making).rejects.toBe(reason);
    expect([...server.tasks.values()].map(({ state }) => state)).toEqual(['succeeded']);
  });

  it('says modelMissing for a model that the server does not list', async () => {
    const opened = open('ace-step', aceStep, { model: '../../secret' });
    await expect(opened).rejects.toMatchObject({ code: 'modelMissing' });
  });
});

describe('a server of one’s own', () => {
  it.each([
    ['bytes', '/generate', { as: 'bytes' }],
    ['base64', '/encoded', { as: 'base64', pointer: '/audio/base64' }],
    ['an address', '/linked', { as: 'url', pointer: '/files/0' }],
  ])('answers with %s', async (_name, path, answer) => {
    const { make } = await open('wrapper', wrapper(path, answer));
    const { outputs } = await make();
    expect(outputs[0]).toMatchObject({ mediaType: 'audio/wav', seconds: 2 });
  });

  it.each([
    'http://169.254.169.254/latest/meta-data',
    '//127.0.0.2/file',
    'file:///etc/passwd',
    'http://user:word@127.0.0.1/file',
  ])('cannot send the worker to %s', async (url) => {
    const { server, make } = await open(
      'wrapper',
      wrapper('/linked', { as: 'url', pointer: '/files/0' }),
    );
    server.mishaps.fileUrl = url;
    const asked = server.simulator.requests.length;
    const outcome = await make().catch((error: { code: string }) => error.code);
    expect(['outputInvalid', 'engineError']).toContain(outcome);
    const paths = server.simulator.requests.slice(asked).map(({ path }) => path);
    // Two slashes at the start are one of ours.
    expect(paths.filter((path) => path !== '/linked')).toEqual(
      url.startsWith('//') ? ['/127.0.0.2/file'] : [],
    );
  });

  it('is told nothing that the operator did not write', async () => {
    const { server, make } = await open('wrapper', wrapper('/generate', { as: 'bytes' }));
    const prompt = '", "duration": 600, "x": "{{seed}}';
    await make({ seed: 3 }, { prompt });
    expect(server.asked).toEqual([{ text: prompt, duration: 2, seed: 3 }]);
  });
});

it('does not take half of a sound for the whole, nor another format', async () => {
  const { server, make } = await open(
    'local-ai',
    { kind: 'local-ai' },
    { formats: ['wav', 'mp3'] },
  );
  await expect(make({ format: 'mp3' })).rejects.toThrow('was asked for mp3 and sent wav');
  server.mishaps.isEmpty = true;
  await expect(make()).rejects.toMatchObject({ code: 'outputInvalid' });
});

it('frees the memory where the server can, and says so where it cannot', async () => {
  const localAi = await open('local-ai', { kind: 'local-ai' }, { vramBytes: 2 ** 30 });
  expect([...localAi.server.loaded]).toEqual(['music']);
  await localAi.engine.unload('tunes');
  expect([...localAi.server.loaded]).toEqual([]);
  const aceStep = await open('ace-step', { kind: 'ace-step' }, { vramBytes: 2 ** 30 });
  await expect(aceStep.engine.unload('tunes')).rejects.toThrow('cannot give its memory back');
});

it('refuses settings that it could not work with', () => {
  const wireOf =
    (wire: object, url = 'http://127.0.0.1:1') =>
    () =>
      soundSettings.parse({
        url,
        wire,
        models: [{ id: 'a', name: 'A', description: 'a', model: 'a' }],
      });
  expect(wireOf({ ...wrapper('/x', { as: 'bytes' }), body: { text: 'hi' } })).toThrow(
    'needs the slot',
  );
  expect(wireOf({ kind: 'local-ai' }, 'http://me:word@127.0.0.1:1')).toThrow('use apiKey');
  expect(wireOf({ kind: 'local-ai' }, 'ftp://127.0.0.1')).toThrow();
  expect(wireOf(wrapper('//elsewhere/x', { as: 'bytes' }))).toThrow('one slash');
  expect(wireOf(wrapper('/x', { as: 'url', pointer: 'file' }))).toThrow('JSON pointer');
});
