// What the suite does not ask: pieces and progress, what is sent to each kind of server, and their traps.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import type { EngineJob, EngineUpdate } from '../../../../machines/contract/engine.ts';
import { transcriptParams } from '../../../../machines/contract/requests.ts';
import { quickTimers } from '../../clock-testing.ts';
import { createWhisperEngine } from './engine.ts';
import { media, take } from './recordings-testing.ts';
import { whisperSettings } from './settings.ts';
import { OpenaiWhisperSimulator } from './simulator-openai.ts';
import { WhisperCppSimulator } from './simulator.ts';

const never = new AbortController().signal;
const seams = { timers: quickTimers, hasFfmpeg: () => Promise.resolve(false) };
const model = (id: string, source: string, more: object = {}) => ({
  id,
  name: id,
  source,
  vramBytes: 1_000,
  ...more,
});

const jobOf = (
  bytes: Uint8Array | null,
  params: object = {},
  more: Partial<EngineJob> = {},
): EngineJob => ({
  id: 'job_whisper',
  attempt: 1,
  model: 'small',
  modality: 'transcript',
  prompt: '',
  params: transcriptParams.parse(params),
  count: 1,
  inputs: bytes ? [{ role: 'audio', bytes }] : [],
  ...more,
});

async function openCpp(settings: object = {}) {
  const simulator = await WhisperCppSimulator.start({
    models: ['/models/tiny.bin', '/models/small.bin', '/models/large.bin'],
    garbage: ['/models/notes.bin'],
  });
  onTestFinished(() => simulator.close());
  const models = [
    model('small', '/models/small.bin'),
    model('large', '/models/large.bin', { canTranslate: false }),
  ];
  const parsed = whisperSettings.parse({
    url: simulator.url,
    models,
    restingSource: '/models/tiny.bin',
    ...settings,
  });
  return { simulator, engine: createWhisperEngine(parsed, seams) };
}

async function openOpenai(options: { isManaged?: boolean } = {}, vramBytes = 1_000) {
  const simulator = await OpenaiWhisperSimulator.start(options);
  onTestFinished(() => simulator.close());
  const models = [model('small', 'Systran/faster-whisper-small', { vramBytes })];
  const parsed = whisperSettings.parse({ url: simulator.url, dialect: 'openai', models });
  return { simulator, engine: createWhisperEngine(parsed, seams) };
}

let updates: EngineUpdate[] = [];
const report = (update: EngineUpdate) => void updates.push(update);
afterEach(() => void (updates = []));
const textOf = (output: { bytes: Uint8Array } | undefined) =>
  new TextDecoder().decode(output!.bytes);

test('a long recording is heard in pieces, told as they come, and stitched', async () => {
  const { simulator, engine } = await openCpp();
  await engine.load('small', never);
  const wav = take(150, {
    rate: 22_050,
    channels: 2,
    pauses: [
      [50, 51],
      [100, 101],
    ],
  });
  const [output] = await engine.run(jobOf(wav, { format: 'verbose_json' }), report, never);
  const fractions = updates.flatMap((update) =>
    update.type === 'progress' ? [update.fraction] : [],
  );
  expect(fractions.map((fraction) => Math.round(fraction * 10) / 10)).toEqual([0.3, 0.7, 1]);
  expect(updates[0]).toEqual({ type: 'started' });
  const told = updates.flatMap((update) => (update.type === 'text' ? [update.text] : []));
  const { text, duration, segments } = JSON.parse(textOf(output)) as {
    text: string;
    duration: number;
    segments: { start: number; end: number }[];
  };
  expect(told).toHaveLength(3);
  expect(told.join('')).toBe(text);
  expect(duration).toBe(150);
  expect(
    segments.every(
      ({ start, end }, index) => start < end && start >= (segments[index - 1]?.start ?? 0),
    ),
  ).toBe(true);
  expect(segments.at(-1)!.end).toBe(150);
  // The language of the first piece is that of the others.
  expect(simulator.questions.map(({ language }) => language)).toEqual(['auto', 'en', 'en']);
});

test('whisper.cpp is asked for what makes answers bounded and equal, on a connection that closes', async () => {
  const { simulator, engine } = await openCpp();
  await engine.load('small', never);
  const prompt = 'Tessera, ggml\r\n--boundary\r\nname="temperature"';
  await engine.run(
    jobOf(media('two-second.wav'), { language: 'German', translate: true }, { prompt }),
    report,
    never,
  );
  expect(simulator.questions.at(-1)).toEqual({
    response_format: 'verbose_json',
    language: 'de',
    translate: 'true',
    prompt,
    temperature: '0',
    temperature_inc: '0',
    beam_size: '1',
    split_on_word: 'true',
    no_language_probabilities: 'true',
  });
  expect(simulator.server.requests.every(({ headers }) => headers.connection === 'close')).toBe(
    true,
  );
});

test('silence costs nothing and is a result', async () => {
  const { simulator, engine } = await openCpp();
  await engine.load('small', never);
  const [output] = await engine.run(jobOf(take(70, { level: 0 })), report, never);
  expect(textOf(output)).toBe('\n');
  expect(simulator.questions).toEqual([]);
  const [short] = await engine.run(
    jobOf(media('truncated.wav'), { format: 'json' }),
    report,
    never,
  );
  expect(textOf(short)).toBe('{"text":""}\n');
});

test('what only the server can read goes there whole; what it cannot is told', async () => {
  const { simulator, engine } = await openCpp();
  await engine.load('small', never);
  const [output] = await engine.run(jobOf(media('speech.mp3')), report, never);
  expect(textOf(output).trim()).not.toBe('');
  expect(simulator.server.requests.at(-1)!.body.includes('filename="recording.mp3"')).toBe(true);
  simulator.server.misbehave(/inference/, 'error');
  const run = engine.run(jobOf(media('speech.mp3')), report, never);
  await expect(run).rejects.toMatchObject({ code: 'engineError' });
});

test('a refused /load makes /health say 404, and nothing is wrong', async () => {
  const { simulator, engine } = await openCpp();
  simulator.files.delete('/models/large.bin');
  await engine.load('small', never);
  await expect(engine.load('large', never)).rejects.toMatchObject({ code: 'modelMissing' });
  expect((await fetch(`${simulator.url}/health`)).status).toBe(404);
  await engine.probe();
  expect(await engine.run(jobOf(media('two-second.wav')), report, never)).toHaveLength(1);
  expect(simulator.model).toBe('/models/small.bin');
});

test('after a restart the model comes back before the next question', async () => {
  const { simulator, engine } = await openCpp();
  await engine.load('large', never);
  await simulator.server.kill();
  await expect(engine.probe()).rejects.toMatchObject({ code: 'engineUnreachable' });
  await simulator.server.restart();
  expect(simulator.model).toBe('/models/tiny.bin');
  await engine.run(jobOf(media('two-second.wav'), {}, { model: 'large' }), report, never);
  expect(simulator.model).toBe('/models/large.bin');
});

test('unloading puts the small model in place; without one it is refused, or not needed', async () => {
  const { simulator, engine } = await openCpp();
  await engine.load('small', never);
  await engine.unload('small');
  expect(simulator.model).toBe('/models/tiny.bin');
  const stuck = await openCpp({ restingSource: undefined });
  await stuck.engine.load('small', never);
  await expect(stuck.engine.unload('small')).rejects.toMatchObject({ code: 'unsupported' });
  expect(await stuck.engine.run(jobOf(media('two-second.wav')), report, never)).toHaveLength(1);
  const models = [model('small', '/models/small.bin', { vramBytes: 0 })];
  const cpu = await openCpp({ restingSource: undefined, models });
  await cpu.engine.load('small', never);
  await cpu.engine.unload('small');
});

test('a file that is no model never reaches the server', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-model-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const localFile = join(folder, 'notes.bin');
  const open = () => openCpp({ models: [model('small', '/models/notes.bin', { localFile })] });
  const { simulator, engine } = await open();
  await expect(engine.load('small', never)).rejects.toMatchObject({ code: 'modelMissing' });
  for (const content of ['', 'lmgg', 'x'.repeat(100_000)]) {
    await writeFile(localFile, content);
    await expect(engine.load('small', never)).rejects.toMatchObject({ code: 'modelLoadFailed' });
  }
  expect(simulator.server.requests).toEqual([]);
  // What looks like one and is damaged ends the server, and is told.
  await writeFile(localFile, `lmgg${'x'.repeat(100_000)}`);
  await expect(engine.load('small', never)).rejects.toMatchObject({ code: 'modelLoadFailed' });
});

test('a model that was not trained to translate does not', async () => {
  const { engine } = await openCpp();
  await engine.load('large', never);
  const run = engine.run(jobOf(take(1), { translate: true }, { model: 'large' }), report, never);
  await expect(run).rejects.toMatchObject({ code: 'unsupported' });
});

test('one question at a time; one that is cancelled while it waits never asks', async () => {
  const { simulator, engine } = await openCpp();
  await engine.load('small', never);
  const reached = simulator.gate.shut();
  const first = engine.run(jobOf(media('two-second.wav')), report, never);
  await reached;
  const stop = new AbortController();
  const second = engine.run(jobOf(take(1)), report, stop.signal);
  stop.abort(new Error('no longer wanted'));
  await expect(second).rejects.toThrow('no longer wanted');
  simulator.gate.open();
  await first;
  expect(simulator.questions).toHaveLength(1);
});

test('cancelling closes the connection, and the server is free', async () => {
  const { simulator, engine } = await openCpp();
  await engine.load('small', never);
  const reached = simulator.gate.shut();
  const stop = new AbortController();
  const run = engine.run(jobOf(take(100)), report, stop.signal);
  await reached;
  stop.abort(new Error('no longer wanted'));
  await expect(run).rejects.toThrow('no longer wanted');
  await simulator.has(0);
  expect(simulator.underWay).toBe(0);
});

test('OpenAI style: loads by name, translates on a path of its own, unloads when the last job is done', async () => {
  const { simulator, engine } = await openOpenai();
  await engine.load('small', never);
  expect([...simulator.loaded]).toEqual(['Systran/faster-whisper-small']);
  await engine.run(jobOf(take(2), { language: 'fr', translate: true }), report, never);
  await engine.run(jobOf(take(2), { language: 'fr' }), report, never);
  expect(simulator.questions.map(({ path, fields }) => [path, fields['language']])).toEqual([
    ['/v1/audio/translations', undefined],
    ['/v1/audio/transcriptions', 'fr'],
  ]);
  // It goes on with what was cancelled: 409 until then.
  const reached = simulator.gate.shut();
  const stop = new AbortController();
  const run = engine.run(jobOf(take(2)), report, stop.signal);
  await reached;
  stop.abort(new Error('no longer wanted'));
  await expect(run).rejects.toThrow('no longer wanted');
  const unloaded = engine.unload('small');
  await simulator.refused;
  simulator.gate.open();
  await unloaded;
  expect(simulator.loaded.size).toBe(0);
});

test('OpenAI style: servers that keep their models by themselves', async () => {
  const onCard = await openOpenai({ isManaged: false });
  await onCard.engine.load('small', never);
  await expect(onCard.engine.unload('small')).rejects.toMatchObject({ code: 'unsupported' });
  const onProcessor = await openOpenai({ isManaged: false }, 0);
  await onProcessor.engine.load('small', never);
  expect(await onProcessor.engine.run(jobOf(take(2)), report, never)).toHaveLength(1);
  await onProcessor.engine.unload('small');
});

test('failures hold neither what was said nor what a server said', async () => {
  const { simulator, engine } = await openCpp();
  await engine.load('small', never);
  simulator.nextAnswer = JSON.stringify({ secret: 'whispered '.repeat(100) });
  const failure = await engine.run(jobOf(take(1), {}, { prompt: 'my secret' }), report, never).then(
    () => '',
    (error: Error) => error.message,
  );
  expect(failure).toMatch(/Whisper/);
  expect(failure).not.toMatch(/secret|whispered/);
});

test('settings are refused with a reason', () => {
  const base = { url: 'http://127.0.0.1:8080/', models: [{ id: 'a', name: 'A', vramBytes: 0 }] };
  expect(whisperSettings.parse(base).url).toBe('http://127.0.0.1:8080');
  for (const wrong of [
    { ...base, url: 'file:///etc/passwd' },
    { ...base, dialect: 'openai' },
    { ...base, models: [...base.models, { id: 'b', name: 'B', vramBytes: 0 }] },
    {
      ...base,
      models: [
        { ...base.models[0], source: 'x' },
        { ...base.models[0], source: 'y' },
      ],
    },
  ])
    expect(whisperSettings.safeParse(wrong).success).toBe(false);
});
