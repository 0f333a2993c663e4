// What the suites do not ask: chats, switches that fail, passwords, work of others, what cannot be stopped.
import { afterEach, describe, expect, it } from 'vitest';
import type { Engine, EngineJob, EngineUpdate } from '../../../../machines/contract/engine.ts';
import { PARAMS } from '../../../../machines/contract/requests.ts';
import { createManualClock, quickTimers } from '../../clock-testing.ts';
import { createKoboldcppEngine } from './engine.ts';
import { koboldcppSettings } from './settings.ts';
import { KoboldSimulator, type KoboldSimulatorOptions } from './simulator.ts';

const never = new AbortController().signal;
const launch = { name: 'tessera-slow', contextTokens: 2048 };
const tiny = { name: 'tessera-tiny', contextTokens: 1024 };
const FILES = {
  'tiny.kcpps': tiny,
  'same-name.kcpps': { ...launch, contextTokens: 512 },
  'missing-model.kcpps': 'missing',
  'not-json.kcpps': 'notJson',
} satisfies KoboldSimulatorOptions['files'];

let closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing) await close();
  closing = [];
});

async function open(
  settings: Record<string, unknown> = {},
  options: Partial<KoboldSimulatorOptions> = {},
  timers = quickTimers,
) {
  const server = await KoboldSimulator.start({ launch, files: FILES, ...options });
  closing.push(() => server.close());
  let keys = 0;
  const engine = createKoboldcppEngine(
    koboldcppSettings.parse({
      url: server.url,
      models: [{ id: 'writer', name: 'Writer', answersAs: 'tessera-slow' }],
      idleTimeoutMs: 20_000,
      ...settings,
    }),
    { timers, random: () => 0.25, uuid: () => `key-${(keys += 1)}` },
  );
  return { server, engine };
}

const jobOf = (change: Partial<EngineJob> = {}, params: object = {}): EngineJob => ({
  id: 'job_one',
  attempt: 1,
  model: 'writer',
  modality: 'text',
  prompt: 'Once upon a time',
  count: 1,
  inputs: [],
  ...change,
  params: PARAMS[change.modality ?? 'text'].parse(params),
});

const write = async (engine: Engine, job = jobOf({}, { max_tokens: 12 })) => {
  await engine.load(job.model, never);
  const [output] = await engine.run(job, () => {}, never);
  return { text: new TextDecoder().decode(output!.bytes), facts: output!.facts };
};

const bodyOf = (server: KoboldSimulator, path: RegExp) =>
  JSON.parse(
    server.server.requests.findLast((request) => path.test(request.path))!.body.toString(),
  ) as Record<string, unknown>;

describe('a text', () => {
  it('is a chat in the server’s own template, after the messages before it', async () => {
    const { engine, server } = await open();
    const before = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Hi' },
    ];
    const bytes = Buffer.from(JSON.stringify(before));
    const job = jobOf(
      { inputs: [{ role: 'messages', bytes }] },
      { max_tokens: 10, top_p: 0.5, temperature: 0.2, stop: ['END'], seed: 9 },
    );
    const { facts } = await write(engine, job);
    expect(bodyOf(server, /chat/)).toEqual({
      messages: [...before, { role: 'user', content: 'Once upon a time' }],
      max_tokens: 10,
      temperature: 0.2,
      top_p: 0.5,
      stop: ['END'],
      seed: 9,
      stream: true,
      stream_options: { include_usage: true },
      genkey: 'tessera-key-1',
    });
    expect(facts).toMatchObject({
      finish_reason: 'length',
      prompt_tokens: 9 * 5 + 9 + 5 + 2 + 16,
      completion_tokens: 10,
      seed: 9,
    });
  });

  it('is a completion by the native stream, whose seed has another name', async () => {
    const { engine, server } = await open();
    const params = { max_tokens: 10, mode: 'completion', seed: 9, stop: ['END'] };
    const { facts } = await write(engine, jobOf({}, params));
    expect(bodyOf(server, /generate\/stream/)).toMatchObject({
      prompt: 'Once upon a time',
      max_length: 10,
      sampler_seed: 9,
      stop_sequence: ['END'],
    });
    expect(facts).toMatchObject({ prompt_tokens: 15, completion_tokens: 10 });
  });

  it('ends at a stop sequence, at its own end or at its limit, and says at which', async () => {
    const { engine } = await open();
    const whole = await write(engine, jobOf({}, { max_tokens: 60, seed: 5 }));
    expect(whole.facts['finish_reason']).toBe('length');
    const stop = whole.text.slice(20, 24);
    const stopped = await write(engine, jobOf({}, { max_tokens: 60, seed: 5, stop: [stop] }));
    expect(stopped.facts['finish_reason']).toBe('stop');
    expect(stopped.text).toBe(whole.text.slice(0, whole.text.indexOf(stop)));
    const long = await write(engine, jobOf({}, { max_tokens: 600, mode: 'completion' }));
    expect(long.facts).toMatchObject({ finish_reason: 'stop', completion_tokens: 217 });
  });

  it('says where it could be only shorter than asked, and refuses what does not fit', async () => {
    const { engine } = await open({}, { launch: { ...launch, contextTokens: 128 } });
    const near = jobOf({ prompt: 'x'.repeat(80) }, { max_tokens: 300, mode: 'completion' });
    expect((await write(engine, near)).facts).toMatchObject({
      max_tokens: 46,
      max_tokens_asked: 300,
      completion_tokens: 46,
      context_tokens: 128,
    });
    const over = jobOf({ prompt: 'x'.repeat(200) }, { max_tokens: 3 });
    await expect(engine.run(over, () => {}, never)).rejects.toMatchObject({
      code: 'invalidInput',
      message: expect.stringMatching(/218 tokens.*128/) as string,
    });
  });

  it('that somebody else stopped is not delivered as whole', async () => {
    const { engine, server } = await open();
    await engine.load('writer', never);
    const stopOnce = ({ type }: EngineUpdate) => void (type === 'text' && server.process.abort());
    const job = jobOf({}, { max_tokens: 200 });
    await expect(engine.run(job, stopOnce, never)).rejects.toMatchObject({ code: 'engineError' });
  });
});

describe('a cancelled text', () => {
  it('is stopped by its own key, and the server is free', async () => {
    const { engine, server } = await open();
    await engine.load('writer', never);
    const stop = new AbortController();
    const reason = new Error('enough');
    const atText = ({ type }: EngineUpdate) => void (type === 'text' && stop.abort(reason));
    const run = engine.run(jobOf({}, { max_tokens: 1500 }), atText, stop.signal);
    await expect(run).rejects.toBe(reason);
    expect(bodyOf(server, /abort/)).toEqual({ genkey: 'tessera-key-1' });
    expect(server.process.isBusy).toBe(false);
    await write(engine);
    // Another attempt, another key: the first may be remembered.
    expect(bodyOf(server, /chat/)['genkey']).toBe('tessera-key-2');
  });

  it('that is still being read is over when the server is free, not before', async () => {
    const { engine, server } = await open();
    await engine.load('writer', never);
    server.pace.promptMs = 300;
    const stop = new AbortController();
    const reason = new Error('enough');
    const run = engine.run(jobOf(), () => stop.abort(reason), stop.signal);
    await expect(run).rejects.toBe(reason);
    expect(server.process.isBusy).toBe(false);
  });

  it('that waits behind the work of others leaves that alone', async () => {
    const { engine, server } = await open();
    await engine.load('writer', never);
    const theirs = fetch(`${server.url}/api/v1/generate`, {
      method: 'POST',
      body: JSON.stringify({ prompt: 'theirs', max_length: 90, ban_eos_token: true }),
    });
    while (!server.process.isBusy) await new Promise((resolve) => setImmediate(resolve));
    const stop = new AbortController();
    const run = engine.run(jobOf(), () => {}, stop.signal);
    run.catch(() => undefined);
    while (server.process.waiting === 0) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await expect(run).rejects.toBe(stop.signal.reason);
    const answer = (await (await theirs).json()) as { results: { completion_tokens: number }[] };
    expect(answer.results[0]!.completion_tokens).toBe(90);
  });
});

describe('a switch', () => {
  const both = {
    models: [
      { id: 'writer', name: 'Writer', answersAs: 'tessera-slow' },
      { id: 'small', name: 'Small', file: 'tiny.kcpps', answersAs: 'tessera-tiny' },
      { id: 'gone', name: 'Gone', file: 'missing-model.kcpps', answersAs: 'absent' },
      { id: 'torn', name: 'Torn', file: 'not-json.kcpps', answersAs: 'torn' },
      {
        id: 'twin',
        name: 'Twin',
        file: 'same-name.kcpps',
        answersAs: 'tessera-slow',
        contextTokens: 512,
      },
      { id: 'never', name: 'Never', file: 'never.kcpps', answersAs: 'never' },
    ],
  };

  it('is done when the new model answers, and there and back again', async () => {
    const { engine, server } = await open(both);
    await engine.load('small', never);
    expect(server.process.model.name).toBe('tessera-tiny');
    await write(engine, jobOf({ model: 'small' }, { max_tokens: 5 }));
    await write(engine);
    expect(server.process.model.name).toBe('tessera-slow');
    await expect(engine.run(jobOf({ model: 'small' }), () => {}, never)).rejects.toMatchObject({
      code: 'modelMissing',
    });
    await engine.load('twin', never);
    expect(server.process.model.contextTokens).toBe(512);
  });

  it('to what cannot be loaded is noticed, though the server says nothing', async () => {
    const { engine, server } = await open(both);
    for (const id of ['gone', 'torn'])
      await expect(engine.load(id, never)).rejects.toMatchObject({ code: 'modelLoadFailed' });
    await expect(engine.load('never', never)).rejects.toMatchObject({ code: 'modelMissing' });
    expect((await engine.models()).map(({ id }) => id)).not.toContain('never');
    await write(engine);
    expect(server.process.model.name).toBe('tessera-slow');
  });

  it('goes on when nobody waits for it any more, and the next waits for its end', async () => {
    const { engine, server } = await open(both, { isLedByHand: true });
    const stop = new AbortController();
    const left = engine.load('small', stop.signal);
    left.catch(() => undefined);
    const isAsked = () => server.server.requests.some(({ path }) => path.endsWith('reload_config'));
    while (!isAsked()) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await expect(left).rejects.toBe(stop.signal.reason);
    await engine.probe();
    const again = engine.load('small', never);
    await engine.probe();
    // Led on until it is there: the dying process answered as the old model all the time.
    const walking = setInterval(() => {
      server.release('agony');
      server.release('gone');
    }, 1);
    await again.finally(() => clearInterval(walking));
    expect(server.process.model.name).toBe('tessera-tiny');
    expect(
      server.server.requests.filter(({ path }) => path.endsWith('reload_config')),
    ).toHaveLength(1);
  });

  it('frees the memory, and only when nobody lives there', async () => {
    const { engine, server } = await open(
      { speech: { id: 'voice', name: 'Voice' } },
      {
        launch: { ...launch, abilities: ['tts'] },
      },
    );
    await engine.load('writer', never);
    await engine.load('voice', never);
    await engine.unload('writer');
    expect(server.process.hasText).toBe(true);
    await engine.unload('voice');
    expect(server.process.hasText).toBe(false);
    await write(engine);
  });

  it('is not possible without --admin, and that is said', async () => {
    const { engine } = await open(both, { hasAdmin: false });
    await write(engine);
    await expect(engine.unload('writer')).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('--admin') as string,
    });
    await expect(engine.load('small', never)).rejects.toMatchObject({ code: 'modelLoadFailed' });
  });
});

describe('passwords', () => {
  const locked = { password: 'pw', adminPassword: 'adm' };

  it('open what they are for', async () => {
    const { engine } = await open(locked, locked);
    await write(engine);
    await engine.unload('writer');
    await write(engine);
  });

  it('that are wrong are named, not shown', async () => {
    for (const known of [{ password: 'secret-word' }, {}]) {
      const { engine } = await open(known, locked);
      await expect(engine.load('writer', never)).rejects.toMatchObject({
        code: 'engineUnreachable',
        message: expect.stringMatching(/^(?!.*secret-word).*`password`/) as string,
      });
    }
  });
});

it('is not taken for the servers that it plays, nor they for it', async () => {
  const { engine, server } = await open();
  server.server.misbehave(/version/, 'garbage');
  await expect(engine.probe()).rejects.toMatchObject({ code: 'outputInvalid' });
  await engine.probe();
});

it('is busy for a while when too many wait there', async () => {
  const { engine, server } = await open({}, { launch: { ...launch, waitingMax: 0 } });
  await engine.load('writer', never);
  server.process.isBusy = true;
  await expect(engine.run(jobOf(), () => {}, never)).rejects.toMatchObject({
    code: 'engineUnreachable',
  });
});

describe('work in one piece', () => {
  const settings = {
    speech: { id: 'voice', name: 'Voice' },
    image: { id: 'painter', name: 'Painter' },
  };
  const options = { launch: { ...launch, abilities: ['tts', 'txt2img'] } } as const;
  const speech = jobOf({ model: 'voice', modality: 'audio', prompt: 'Hello' });

  it('that is cut short is not delivered', async () => {
    const { engine, server } = await open(settings, options);
    await engine.load('voice', never);
    server.server.misbehave(/tts/, 'cut');
    await expect(engine.run(speech, () => {}, never)).rejects.toMatchObject({
      code: 'engineCrashed',
    });
  });

  it('that comes back empty is not delivered', async () => {
    const { engine, server } = await open(settings, options);
    await engine.load('voice', never);
    server.process.model = { ...server.process.model, abilities: [] };
    await expect(engine.run(speech, () => {}, never)).rejects.toMatchObject({
      code: 'modelMissing',
    });
  });

  it('that is cancelled and never ends is ended by a restart', async () => {
    const clock = createManualClock();
    const timers = {
      now: quickTimers.now,
      after: (ms: number, run: () => void) =>
        ms === 60_000 ? clock.after(ms, run) : quickTimers.after(ms, run),
    };
    const { engine, server } = await open(settings, options, timers);
    await engine.load('painter', never);
    server.process.isStuck = true;
    const stop = new AbortController();
    const params = { width: 256, height: 256 };
    const job = jobOf({ model: 'painter', modality: 'image', prompt: 'a fox' }, params);
    const run = engine.run(
      job,
      ({ type }) => void (type === 'progress' && stop.abort()),
      stop.signal,
    );
    run.catch(() => undefined);
    const stuck = server.process;
    await clock.armed(60_000);
    clock.advance(60_000);
    await expect(run).rejects.toBe(stop.signal.reason);
    expect(server.process).not.toBe(stuck);
    expect(server.process.isBusy).toBe(false);
  });
});
