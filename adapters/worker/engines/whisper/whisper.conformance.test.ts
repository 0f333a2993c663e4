// Both dialects against their simulators, well-behaved and not; with TESSERA_TEST_REAL_WHISPER=http://host:port
// also against a real whisper.cpp server. TESSERA_TEST_REAL_WHISPER_MODEL names a model file on that server; with it
// loading is tested, too.
import { quickTimers } from '../../clock-testing.ts';
import { describeEngine, type ConformanceCase } from '../conformance.ts';
import { describeFaults, type Mishap, type MishapRule } from '../faults-conformance.ts';
import { createWhisperEngine } from './engine.ts';
import { media, take } from './recordings-testing.ts';
import { whisperSettings } from './settings.ts';
import { OpenaiWhisperSimulator } from './simulator-openai.ts';
import { WhisperCppSimulator } from './simulator.ts';

const audio = (bytes: Uint8Array) => [{ role: 'audio', bytes }];
const speech = audio(media('two-second.wav'));
const minutes = (count: number) => audio(take(count * 60, { pauses: [[40, 41]] }));

const caseOf = (format: string, longMinutes: number): ConformanceCase => ({
  model: 'whisper-small',
  modality: 'transcript',
  prompt: '',
  params: { format },
  inputs: speech,
  expected: {},
  long: { params: { format }, inputs: minutes(longMinutes) },
  invalid: [
    { params: { format }, inputs: [] },
    { params: { format }, inputs: audio(Buffer.alloc(0)) },
    { params: { format }, inputs: audio(Buffer.from('Dear diary, this is no recording.')) },
    { params: { format, language: 'klingon' } },
    { params: { format: 'pdf' } },
    { params: { format }, inputs: audio(take(601)) },
  ],
  seeded: false,
});

const model = { id: 'whisper-small', name: 'Whisper Small', vramBytes: 1_000_000_000 };
const cppSettings = (url: string) =>
  whisperSettings.parse({
    url,
    models: [{ ...model, source: '/models/ggml-small.bin' }],
    restingSource: '/models/ggml-tiny.bin',
    secondsMax: 600,
    answerSecondsMax: 50,
  });
const openaiSettings = (url: string) =>
  whisperSettings.parse({
    url,
    dialect: 'openai',
    password: 'open sesame',
    models: [{ ...model, source: 'Systran/faster-whisper-small' }],
    secondsMax: 600,
    answerSecondsMax: 50,
  });
const startCpp = () =>
  WhisperCppSimulator.start({ models: ['/models/ggml-tiny.bin', '/models/ggml-small.bin'] });
const startOpenai = () => OpenaiWhisperSimulator.start({ password: 'open sesame' });
/** No ffmpeg: what the simulators are sent must not depend on this machine. */
const seams = { timers: quickTimers, hasFfmpeg: () => Promise.resolve(false) };

describeEngine({
  name: 'whisper (whisper.cpp)',
  open: async () => {
    const simulator = await startCpp();
    const engine = createWhisperEngine(cppSettings(simulator.url), seams);
    return { ...engine, close: () => simulator.close() };
  },
  cases: [caseOf('text', 5)],
});

describeEngine({
  name: 'whisper (OpenAI style)',
  open: async () => {
    const simulator = await startOpenai();
    const engine = createWhisperEngine(openaiSettings(simulator.url), seams);
    return { ...engine, close: () => simulator.close() };
  },
  cases: [caseOf('srt', 5)],
});

type Either = WhisperCppSimulator | OpenaiWhisperSimulator;

const PATH = /inference|transcriptions/;
const misbehave =
  (how: 'hang' | 'answerLost' | 'cut' | 'garbage') =>
  ({ server }: Either) =>
    server.misbehave(PATH, how);
/** Half-way through a transcription. */
const halfway = (then: (simulator: Either) => unknown) => async (simulator: Either) => {
  await simulator.gate.shut();
  await then(simulator);
};
const release = (simulator: Either) => simulator.gate.open();
const strangerAsks = async (simulator: Either) => {
  const reached = simulator.gate.shut();
  const form = new FormData();
  form.set('file', new Blob([Uint8Array.from(media('two-second.wav'))]), 'theirs.wav');
  form.set('model', 'Systran/faster-whisper-small');
  const path = simulator instanceof WhisperCppSimulator ? '/inference' : '/v1/audio/transcriptions';
  const headers = { authorization: 'Bearer open sesame', connection: 'close' };
  void fetch(simulator.url + path, { method: 'POST', body: form, headers }).then((answer) =>
    answer.text(),
  );
  await reached;
};

const common: Record<Exclude<Mishap, 'out of memory' | 'model is gone'>, MishapRule<Either>> = {
  'engine is down': {
    arrange: ({ server }) => server.kill(),
    heal: ({ server }) => server.restart(),
    ends: 'engineUnreachable',
  },
  'line breaks while it runs': {
    arrange: (simulator) => void simulator.gate.shut(),
    during: halfway(({ server }) => server.cutConnections()),
    heal: release,
    ends: 'engineCrashed',
  },
  'engine restarts while it runs': {
    arrange: (simulator) => void simulator.gate.shut(),
    during: halfway(({ server }) => server.restart()),
    heal: release,
    ends: 'engineCrashed',
  },
  'engine says nothing more but finishes': { arrange: misbehave('hang'), ends: 'timedOut' },
  'answer to the start is lost': { arrange: misbehave('answerLost'), ends: 'engineCrashed' },
  'answer is cut short': { arrange: misbehave('cut'), ends: 'engineCrashed' },
  'answer is not what was promised': { arrange: misbehave('garbage'), ends: 'outputInvalid' },
  'result is huge': {
    arrange: (simulator) => void (simulator.nextAnswer = ' '.repeat(33 * 1024 * 1024)),
    ends: 'outputInvalid',
  },
  'result comes slowly': {
    arrange: (simulator) => void simulator.gate.shut(),
    during: halfway(release),
    ends: 'succeeds',
  },
  'result is empty or damaged': {
    arrange: (simulator) => void (simulator.nextAnswer = '{"text": "the old harb'),
    ends: 'outputInvalid',
  },
  'somebody else works there too': { arrange: strangerAsks, during: release, ends: 'succeeds' },
};

const job = {
  id: 'job_faults',
  attempt: 1,
  model: 'whisper-small',
  modality: 'transcript',
  prompt: '',
  params: { format: 'vtt' },
  count: 1,
  inputs: speech,
} as const;

describeFaults<WhisperCppSimulator>({
  name: 'whisper (whisper.cpp)',
  open: async () => {
    const server = await startCpp();
    const engine = createWhisperEngine(cppSettings(server.url), seams);
    return { engine, server, close: () => server.close() };
  },
  job,
  rules: {
    ...common,
    // Its process ends, as ggml does when it finds no room.
    'out of memory': {
      arrange: (simulator) => void simulator.gate.shut(),
      during: halfway(({ server }) => server.kill()),
      heal: async (simulator) => {
        simulator.gate.open();
        await simulator.server.restart();
      },
      ends: 'engineCrashed',
    },
    // Gone from the disk: what is in memory serves on.
    'model is gone': {
      arrange: ({ files }) => void files.delete('/models/ggml-small.bin'),
      heal: ({ files }) => void files.add('/models/ggml-small.bin'),
      ends: 'succeeds',
    },
  },
  isIdle: ({ underWay }) => underWay === 0,
});

describeFaults<OpenaiWhisperSimulator>({
  name: 'whisper (OpenAI style)',
  open: async () => {
    const server = await startOpenai();
    const engine = createWhisperEngine(openaiSettings(server.url), seams);
    return { engine, server, close: () => server.close() };
  },
  job,
  rules: {
    ...common,
    'out of memory': {
      arrange: (simulator) => void (simulator.isFull = true),
      ends: 'outOfMemory',
    },
    'model is gone': {
      arrange: ({ installed }) => installed.clear(),
      heal: ({ installed }) => void installed.add('Systran/faster-whisper-small'),
      ends: 'modelMissing',
    },
  },
  isIdle: ({ busy }) => busy === 0,
});

const { TESSERA_TEST_REAL_WHISPER: url, TESSERA_TEST_REAL_WHISPER_MODEL: source } = process.env;
if (url !== undefined)
  describeEngine({
    name: 'whisper (real)',
    open: () => {
      const models = [{ ...model, vramBytes: 0, ...(source !== undefined && { source }) }];
      return createWhisperEngine(whisperSettings.parse({ url, models, secondsMax: 600 }));
    },
    cases: [caseOf('text', 5)],
  });
