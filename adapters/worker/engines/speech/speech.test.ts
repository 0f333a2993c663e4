// What is special about speech: parts, formats, voices, and answers of 200 that are none.
import { expect, it, onTestFinished } from 'vitest';
import type { EngineJob, EngineUpdate } from '../../../../machines/contract/engine.ts';
import { PARAMS } from '../../../../machines/contract/requests.ts';
import { probeSound } from '../sound-files/probe.ts';
import { createSpeechEngine } from './engine.ts';
import { speechSettings } from './settings.ts';
import { startSpeechServer } from './simulator.ts';
import { readVoices } from './voices.ts';

const never = new AbortController().signal;
const SENTENCE = 'Hello there, this is a sentence. ';

async function open(model: object = {}, dialect: 'kokoro' | 'openedai' = 'kokoro') {
  const server = await startSpeechServer(dialect);
  const engine = createSpeechEngine(
    speechSettings.parse({
      url: server.simulator.url,
      flavour: dialect,
      models: [{ id: 'voice', name: 'Voice', description: 'x', model: 'tts-1', ...model }],
    }),
  );
  onTestFinished(async () => {
    await engine.close();
    await server.simulator.close();
  });
  await engine.load('voice', never);
  server.spoken.length = 0;
  const speak = async (prompt: string, params: object = {}, change: Partial<EngineJob> = {}) => {
    const updates: EngineUpdate[] = [];
    const job: EngineJob = {
      ...{ id: 'job_speech', attempt: 1, model: 'voice', modality: 'audio', prompt },
      params: PARAMS.audio.parse(params),
      count: 1,
      inputs: [],
      ...change,
    };
    const [output] = await engine.run(job, (update) => updates.push(update), never);
    return { output: output!, updates };
  };
  return { server, engine, speak };
}

it('speaks a long text part by part and tells how far it is', async () => {
  const { server, speak } = await open({ partCharactersMax: 100 });
  const { output, updates } = await speak(SENTENCE.repeat(12));
  expect(server.spoken).toHaveLength(4);
  expect(server.spoken.join(' ')).toBe(SENTENCE.repeat(12).trim());
  const steps = updates.flatMap((update) => (update.type === 'progress' ? [update.step] : []));
  expect(steps).toEqual([1, 2, 3, 4]);
  // Joined to the sample: as long as its parts are together.
  const seconds = server.spoken.reduce((sum, { length }) => sum + length / 14, 0);
  expect(output.seconds).toBeCloseTo(seconds, 2);
});

it('uses shorter parts after the card ran out of memory', async () => {
  const { server, speak } = await open({ partCharactersMax: 100 });
  await speak(SENTENCE.repeat(6), {}, { isSafe: true });
  expect(server.spoken).toHaveLength(6);
});

it.each([
  ['wav', 'audio/wav', 4],
  ['mp3', 'audio/mpeg', 4],
  ['flac', 'audio/flac', 1],
  ['opus', 'audio/ogg', 1],
] as const)('delivers %s as %s', async (format, mediaType, requests) => {
  const { server, speak } = await open({ partCharactersMax: 40 });
  const { output } = await speak(SENTENCE.repeat(4), { format });
  expect(output.mediaType).toBe(mediaType);
  expect(probeSound(output.bytes)).toMatchObject({ format, seconds: output.seconds });
  expect(server.spoken).toHaveLength(requests);
});

it('puts a head on raw samples, with the rate that the server tells', async () => {
  const { speak, server } = await open({ wavFromPcm: true, voices: ['alloy'] }, 'openedai');
  const { output } = await speak('Hello there.');
  expect(probeSound(output.bytes)).toMatchObject({ format: 'wav', rate: 22_050 });
  const { body } = server.simulator.requests.at(-1)!;
  expect(JSON.parse(body.toString())).toMatchObject({ response_format: 'pcm', voice: 'alloy' });
});

it('notices a part that the server left out, or only pretended to speak', async () => {
  const { server, speak } = await open({ partCharactersMax: 40 });
  await expect(speak(`${SENTENCE}${SENTENCE}BOOM boom boom. `)).rejects.toMatchObject({
    code: 'engineError',
    message: 'The engine could not speak a part of the text.',
  });
  server.mishaps.isMute = true;
  await expect(speak(SENTENCE)).rejects.toMatchObject({ code: 'outputInvalid' });
});

it('asks only for voices that the server listed, and says which there are', async () => {
  const { server, speak } = await open();
  await expect(speak('Hi there.', { voice: 'af_sky+am_adam' })).rejects.toThrow('Choose one of');
  expect(server.spoken).toEqual([]);
  const { output } = await speak('Hi there.', { voice: 'am_adam', speed: 2 });
  expect(output.facts).toMatchObject({ voice: 'am_adam', speed: 2, format: 'wav' });
});

it('keeps words of a person inside the one field that they belong in', async () => {
  const { server, speak } = await open();
  const words = 'Say "}, {"model":"evil" and <speak>../../x</speak> {{prompt}} now';
  await speak(words);
  expect(JSON.parse(server.simulator.requests.at(-1)!.body.toString())).toMatchObject({
    input: words,
    model: 'tts-1',
  });
});

it('frees the memory where the server can, and says so where it cannot', async () => {
  const kokoro = await open({ vramBytes: 2 ** 30 });
  expect(kokoro.server.isLoaded).toBe(true);
  await kokoro.engine.unload('voice');
  expect(kokoro.server.isLoaded).toBe(false);
  const openedai = await open({ vramBytes: 2 ** 30 }, 'openedai');
  await expect(openedai.engine.unload('voice')).rejects.toThrow('cannot give its memory back');
  expect((await openedai.speak('Hello there.')).output.bytes.length).toBeGreaterThan(1000);
});

it('reads every form of a list of voices', () => {
  expect(readVoices({ voices: [{ id: 'a', name: 'A' }] })).toEqual(['a']);
  expect(readVoices({ status: 'ok', voices: ['a.wav', ''] })).toEqual(['a.wav']);
  expect(readVoices({ data: [{ name: 'a' }] })).toEqual(['a']);
  expect(readVoices(['a', 7])).toEqual(['a']);
  expect(() => readVoices({ voices: 'a' })).toThrow('unknown form');
});
