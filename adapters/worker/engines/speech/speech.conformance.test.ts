// The speech engine against simulated servers, and against a real one where TESSERA_TEST_REAL_SPEECH names it:
// `TESSERA_TEST_REAL_SPEECH=http://127.0.0.1:8880 TESSERA_TEST_REAL_SPEECH_FLAVOUR=kokoro npm test -- speech`.
import { afterAll } from 'vitest';
import type { EngineJob } from '../../../../machines/contract/engine.ts';
import { PARAMS } from '../../../../machines/contract/requests.ts';
import { quickTimers } from '../../clock-testing.ts';
import { describeEngine, type ConformanceCase } from '../conformance.ts';
import { describeFaults, type MishapRule } from '../faults-conformance.ts';
import { createSpeechEngine } from './engine.ts';
import { speechSettings, type SpeechSettings } from './settings.ts';
import { startSpeechServer, type SpeechServer } from './simulator.ts';

const SENTENCE = 'This sentence is long enough to be heard for quite a while. ';

const settingsOf = (url: string, flavour: string): SpeechSettings =>
  speechSettings.parse({
    url,
    flavour,
    models: [
      {
        id: 'voice',
        name: 'Voice',
        description: 'Speech for tests.',
        model: flavour === 'kokoro' ? 'kokoro' : 'tts-1',
        ...(flavour === 'openedai' && { voices: ['alloy', 'echo'] }),
      },
    ],
  });

const caseOf = (voice: string): ConformanceCase => ({
  model: 'voice',
  modality: 'audio',
  prompt: 'The quick brown fox. It jumps!',
  params: { voice },
  expected: {},
  long: { prompt: SENTENCE.repeat(60), params: { voice } },
  invalid: [
    { params: { voice: 'nobody', speed: 1, format: 'wav' } },
    { params: { voice: '../../etc/passwd', speed: 1, format: 'wav' } },
    { params: { speed: 9, format: 'wav' } },
    { params: { speed: 1, format: 'aac' } },
    { prompt: '  … !', params: { speed: 1, format: 'wav' } },
    { prompt: 'a'.repeat(8001), params: { speed: 1, format: 'wav' } },
    { prompt: SENTENCE.repeat(80), params: { speed: 1, format: 'flac' } },
  ],
  seeded: false,
});

for (const flavour of ['kokoro', 'openedai'] as const) {
  const server = await startSpeechServer(flavour);
  afterAll(() => server.simulator.close());
  describeEngine({
    name: `speech (simulated ${flavour})`,
    open: () => createSpeechEngine(settingsOf(server.simulator.url, flavour)),
    cases: [caseOf(flavour === 'kokoro' ? 'af_bella' : 'echo')],
  });
}

const real = process.env['TESSERA_TEST_REAL_SPEECH'];
if (real !== undefined) {
  const flavour = process.env['TESSERA_TEST_REAL_SPEECH_FLAVOUR'] ?? 'kokoro';
  const settings = settingsOf(real, flavour);
  describeEngine({
    name: `speech (${flavour} at ${real})`,
    open: () => createSpeechEngine(settings),
    cases: [caseOf(flavour === 'kokoro' ? 'af_bella' : 'echo')],
  });
}

const SPEECH = /speech/;
const job: EngineJob = {
  id: 'job_faults',
  attempt: 1,
  model: 'voice',
  modality: 'audio',
  prompt: 'Hello there. This is a short test of speech.',
  params: PARAMS.audio.parse({}),
  count: 1,
  inputs: [],
};

/** One that shows in the bytes of the answer, and in its bytes alone. */
const spoiled = (name: 'isVoiceDead' | 'isMute'): MishapRule<SpeechServer> => ({
  arrange: ({ mishaps }) => void (mishaps[name] = true),
  heal: ({ mishaps }) => void (mishaps[name] = false),
  ends: 'outputInvalid',
});

describeFaults<SpeechServer>({
  name: 'speech',
  open: async () => {
    const server = await startSpeechServer('kokoro');
    const settings = {
      ...settingsOf(server.simulator.url, 'kokoro'),
      resultBytesMax: 500_000,
      partTimeoutMs: 75_000,
    };
    return {
      server,
      engine: createSpeechEngine(settings, { timers: quickTimers }),
      close: () => server.simulator.close(),
    };
  },
  job,
  isIdle: (server) => server.busy() === 0,
  rules: {
    'engine is down': {
      arrange: ({ simulator }) => simulator.kill(),
      heal: ({ simulator }) => simulator.restart(),
      ends: 'engineUnreachable',
    },
    'line breaks while it runs': {
      arrange: ({ mishaps }) => void (mishaps.delayMs = 5000),
      during: async (server) => {
        await server.whenBusy();
        server.simulator.cutConnections();
      },
      heal: ({ mishaps }) => void (mishaps.delayMs = 0),
      ends: 'engineCrashed',
    },
    'engine restarts while it runs': {
      arrange: ({ mishaps }) => void (mishaps.delayMs = 5000),
      during: async (server) => {
        await server.whenBusy();
        await server.simulator.restart();
      },
      heal: ({ mishaps }) => void (mishaps.delayMs = 0),
      ends: 'engineCrashed',
    },
    'engine says nothing more but finishes': {
      // Nothing is kept on the server, so what it finished unheard cannot be found.
      arrange: ({ simulator }) => simulator.misbehave(SPEECH, 'hang'),
      ends: 'timedOut',
    },
    'answer to the start is lost': {
      arrange: ({ simulator }) => simulator.misbehave(SPEECH, 'answerLost'),
      ends: 'engineCrashed',
    },
    'answer is cut short': {
      arrange: ({ simulator }) => simulator.misbehave(SPEECH, 'cut'),
      ends: 'engineCrashed',
    },
    'answer is not what was promised': {
      arrange: ({ simulator }) => simulator.misbehave(SPEECH, 'garbage'),
      ends: 'outputInvalid',
    },
    'out of memory': {
      arrange: ({ mishaps }) => void (mishaps.isOutOfMemory = true),
      heal: ({ mishaps }) => void (mishaps.isOutOfMemory = false),
      ends: 'outOfMemory',
    },
    'model is gone': {
      arrange: ({ mishaps }) => void (mishaps.isModelGone = true),
      heal: ({ mishaps }) => void (mishaps.isModelGone = false),
      ends: 'modelMissing',
    },
    'result is huge': {
      arrange: ({ mishaps }) => void (mishaps.excessBytes = 500_000),
      heal: ({ mishaps }) => void (mishaps.excessBytes = 0),
      ends: 'outputInvalid',
    },
    'result comes slowly': {
      arrange: ({ mishaps }) => void (mishaps.delayMs = 100),
      heal: ({ mishaps }) => void (mishaps.delayMs = 0),
      ends: 'succeeds',
    },
    'result is empty or damaged': spoiled('isVoiceDead'),
    'somebody else works there too': {
      arrange: async (server) => {
        server.mishaps.delayMs = 100;
        const { url } = server.simulator;
        const body = JSON.stringify({
          model: 'kokoro',
          input: SENTENCE.repeat(20),
          voice: 'af_sky',
        });
        void fetch(`${url}/v1/audio/speech`, { method: 'POST', body }).then((answer) =>
          answer.bytes(),
        );
        await server.whenBusy();
      },
      heal: ({ mishaps }) => void (mishaps.delayMs = 0),
      ends: 'succeeds',
    },
  },
});
