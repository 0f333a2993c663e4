import { describe, it } from 'vitest';
import type { EngineJob } from '../../../../machines/contract/engine.ts';
import { textParams } from '../../../../machines/contract/requests.ts';
import { quickTimers } from '../../clock-testing.ts';
import { describeEngine, type ConformanceCase } from '../conformance.ts';
import { describeFaults } from '../faults-conformance.ts';
import { createKoboldcppEngine } from './engine.ts';
import { koboldcppSettings } from './settings.ts';
import { KoboldSimulator, type KoboldSimulatorOptions } from './simulator.ts';

const abilities = ['tts', 'transcribe', 'txt2img'] as const;
const SIMULATED: KoboldSimulatorOptions = {
  launch: { name: 'tessera-slow', contextTokens: 2048, abilities },
  files: {
    'tiny.kcpps': { name: 'tessera-tiny', contextTokens: 1024 },
    'missing-model.kcpps': 'missing',
  },
};
const recording = Buffer.concat([Buffer.from('RIFF....WAVEfmt '), Buffer.alloc(2000)]);

const settingsFor = (url: string) =>
  koboldcppSettings.parse({
    url,
    models: [
      { id: 'writer', name: 'Writer', answersAs: 'tessera-slow', charactersMax: 20_000 },
      {
        id: 'small-writer',
        name: 'Small writer',
        file: 'tiny.kcpps',
        answersAs: 'tessera-tiny',
        contextTokens: 1024,
      },
    ],
    speech: { id: 'voice', name: 'Voice' },
    transcription: { id: 'scribe', name: 'Scribe' },
    image: { id: 'painter', name: 'Painter' },
    idleTimeoutMs: 20_000,
  });

const writer: ConformanceCase = {
  model: 'writer',
  modality: 'text',
  prompt: 'Once upon a time',
  params: { max_tokens: 12, seed: 3 },
  expected: {},
  long: { params: { max_tokens: 1500 } },
  invalid: [
    { params: { max_tokens: 5000, temperature: 1 } },
    { params: { max_tokens: 'eight', temperature: 1 } },
    { prompt: 'the day '.repeat(2000), params: { max_tokens: 8, temperature: 1 } },
    { prompt: '', params: { max_tokens: 8, temperature: 1 } },
    {
      params: { max_tokens: 8, temperature: 1 },
      inputs: [{ role: 'messages', bytes: Buffer.from('[{"role":"tool"}]') }],
    },
  ],
  seeded: true,
};

const others: ConformanceCase[] = [
  {
    ...writer,
    model: 'small-writer',
    params: { max_tokens: 12, mode: 'completion' },
    invalid: [{ prompt: 'a'.repeat(8001), params: { max_tokens: 8, temperature: 1 } }],
  },
  {
    model: 'voice',
    modality: 'audio',
    prompt: 'The quick brown fox.',
    params: { voice: 'cheery' },
    expected: {},
    long: { params: {} },
    invalid: [
      { params: { voice: '../etc/passwd', speed: 1, format: 'wav' } },
      { params: { speed: 2, format: 'wav' } },
      { params: { speed: 1, format: 'opus' } },
      { prompt: ' ', params: { speed: 1, format: 'wav' } },
    ],
    seeded: false,
  },
  {
    model: 'scribe',
    modality: 'transcript',
    prompt: '',
    params: { language: 'en', format: 'json' },
    inputs: [{ role: 'audio', bytes: recording }],
    expected: { text: 'The quick brown fox jumps.' },
    long: { params: {} },
    invalid: [
      { params: { format: 'text' }, inputs: [] },
      { params: { format: 'text', language: '../en' } },
    ],
    seeded: false,
  },
  {
    model: 'painter',
    modality: 'image',
    prompt: 'a fox <lora:other:1>',
    params: { width: 256, height: 192, steps: 4 },
    expected: { width: 256, height: 192 },
    long: { params: { width: 256, height: 192 } },
    invalid: [
      { params: { width: 4096, height: 4096 } },
      { params: { width: 256, height: 256, steps: 90 } },
      { params: { width: 256, height: 256, style: 'oil' } },
    ],
    seeded: true,
  },
];

async function openBench(options: KoboldSimulatorOptions = SIMULATED) {
  const server = await KoboldSimulator.start(options);
  const seams = { timers: quickTimers, random: Math.random, uuid: () => crypto.randomUUID() };
  const engine = createKoboldcppEngine(settingsFor(server.url), seams);
  return { engine, server, close: () => server.close() };
}

describe('koboldcpp', () => {
  let close = async () => {};
  describeEngine({
    name: 'koboldcpp',
    open: async () => {
      const bench = await openBench();
      close = bench.close;
      return bench.engine;
    },
    cases: [writer, ...others],
  });
  it('leaves no server behind', () => close());
});

const job: EngineJob = {
  id: 'job_faults',
  attempt: 1,
  model: 'writer',
  modality: 'text',
  prompt: 'Once upon a time',
  params: textParams.parse({ max_tokens: 60 }),
  count: 1,
  inputs: [],
};

describeFaults<KoboldSimulator>({
  name: 'koboldcpp',
  open: () => openBench(),
  job,
  isIdle: ({ process }) => !process.isBusy && process.waiting === 0,
  rules: {
    'engine is down': {
      arrange: ({ server }) => server.kill(),
      heal: ({ server }) => server.restart(),
      ends: 'engineUnreachable',
    },
    'line breaks while it runs': {
      during: ({ server }) => server.cutConnections(),
      ends: 'engineCrashed',
    },
    'engine restarts while it runs': {
      during: ({ server }) => server.restart(),
      ends: 'engineCrashed',
    },
    'engine says nothing more but finishes': {
      arrange: (simulator) => void (simulator.isMute = true),
      heal: (simulator) => void (simulator.isMute = false),
      // Without a finish reason a text is not known to be whole, and nothing is kept to look it up in.
      ends: 'engineError',
    },
    'answer to the start is lost': {
      arrange: ({ server }) => server.misbehave(/chat\/completions$/, 'answerLost'),
      ends: 'engineCrashed',
    },
    'answer is cut short': {
      arrange: (simulator) => void (simulator.isCutShort = true),
      heal: (simulator) => void (simulator.isCutShort = false),
      ends: 'engineCrashed',
    },
    'answer is not what was promised': {
      arrange: ({ server }) => server.misbehave(/chat\/completions$/, 'garbage'),
      ends: 'outputInvalid',
    },
    'out of memory': {
      // It ends the process, and nothing tells it from any other crash.
      arrange: (simulator) => void (simulator.isOutOfMemory = true),
      heal: async (simulator) => {
        simulator.isOutOfMemory = false;
        await simulator.server.restart();
      },
      ends: 'engineCrashed',
    },
    'model is gone': {
      arrange: async (simulator) => {
        simulator.switchTo('unload_model');
        await simulator.settled();
      },
      ends: 'modelMissing',
    },
    'result is huge': {
      ends: 'succeeds',
      cannotHappen: 'a text is as long as was asked, and no event may be larger than a megabyte',
    },
    'result comes slowly': {
      arrange: ({ pace }) => void (pace.wordMs = 10),
      ends: 'succeeds',
    },
    'result is empty or damaged': {
      arrange: (simulator) => void (simulator.isWordless = true),
      heal: (simulator) => void (simulator.isWordless = false),
      ends: 'outputInvalid',
    },
    'somebody else works there too': {
      arrange: async (simulator) => {
        const theirs = { prompt: 'theirs', max_length: 60, ban_eos_token: true };
        const body = JSON.stringify(theirs);
        void fetch(`${simulator.url}/api/v1/generate`, { method: 'POST', body }).then((answer) =>
          answer.text(),
        );
        while (!simulator.process.isBusy) await new Promise((resolve) => setImmediate(resolve));
      },
      ends: 'succeeds',
    },
  },
});

const address = process.env['TESSERA_TEST_REAL_KOBOLDCPP'];
if (address !== undefined)
  describeEngine({
    name: 'koboldcpp (real)',
    open: () =>
      createKoboldcppEngine(
        koboldcppSettings.parse({
          url: address,
          models: [{ id: 'writer', name: 'Writer', charactersMax: 20_000 }],
        }),
      ),
    cases: [writer],
  });
