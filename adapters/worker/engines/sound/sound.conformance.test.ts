// The sound engine against simulated servers in three tongues, and against a real one where
// TESSERA_TEST_REAL_SOUND names it (TESSERA_TEST_REAL_SOUND_SETTINGS: the rest of its settings as JSON).
import { afterAll } from 'vitest';
import type { EngineJob } from '../../../../machines/contract/engine.ts';
import { PARAMS } from '../../../../machines/contract/requests.ts';
import { quickTimers } from '../../clock-testing.ts';
import { describeEngine, type ConformanceCase } from '../conformance.ts';
import {
  describeFaults,
  type FaultsOptions,
  type Mishap,
  type MishapRule,
} from '../faults-conformance.ts';
import { createSoundEngine } from './engine.ts';
import { soundSettings, type SoundSettings } from './settings.ts';
import { startSoundServer, type SoundServer, type SoundTongue } from './simulator.ts';

const WIRES = {
  'ace-step': { kind: 'ace-step', thinking: true },
  'local-ai': { kind: 'local-ai' },
  wrapper: {
    kind: 'template',
    path: '/generate',
    body: {
      text: '{{prompt}}',
      duration: '{{seconds}}',
      seed: '{{seed}}',
      options: { top_k: 250 },
    },
    answer: { as: 'bytes' },
    loadPath: '/load',
    unloadPath: '/unload',
  },
} as const;
const TONGUES = Object.keys(WIRES) as SoundTongue[];
const seams = { timers: quickTimers, random: () => 0.25 };

const settingsOf = (url: string, tongue: SoundTongue, change: object = {}): SoundSettings =>
  soundSettings.parse({
    url,
    wire: WIRES[tongue],
    models: [
      {
        id: 'tunes',
        name: 'Tunes',
        description: 'Sounds for tests.',
        model: 'music',
        secondsMax: 600,
        ...change,
      },
    ],
  });

const caseOf = (seeded: boolean): ConformanceCase => ({
  model: 'tunes',
  modality: 'audio',
  prompt: 'rain on a tin roof, far thunder',
  params: { seconds: 2 },
  expected: { seconds: 2 },
  long: { params: { seconds: 600 } },
  invalid: [
    { params: { seconds: 601, speed: 1, format: 'wav' } },
    { params: { seconds: 2, speed: 1, format: 'opus' } },
    { params: { seconds: 2, speed: 1, format: 'wav', lyrics: 'la la la' } },
    { params: { seconds: 'long', speed: 1, format: 'wav' } },
    { prompt: ' ', params: { seconds: 2, speed: 1, format: 'wav' } },
    { prompt: 'a'.repeat(2001), params: { seconds: 2, speed: 1, format: 'wav' } },
  ],
  seeded,
});

for (const tongue of TONGUES) {
  const server = await startSoundServer(tongue);
  afterAll(() => server.simulator.close());
  describeEngine({
    name: `sound (simulated ${tongue})`,
    open: () => createSoundEngine(settingsOf(server.simulator.url, tongue), seams),
    cases: [caseOf(tongue !== 'local-ai')],
  });
}

const real = process.env['TESSERA_TEST_REAL_SOUND'];
if (real !== undefined) {
  const written = JSON.parse(process.env['TESSERA_TEST_REAL_SOUND_SETTINGS'] ?? '{}') as object;
  const settings = soundSettings.parse({ ...written, url: real });
  describeEngine({
    name: `sound (${settings.wire.kind} at ${real})`,
    open: () => createSoundEngine(settings),
    cases: [{ ...caseOf(false), model: settings.models[0]!.id }],
  });
}

const job: EngineJob = {
  id: 'job_faults',
  attempt: 1,
  model: 'tunes',
  modality: 'audio',
  prompt: 'footsteps in the snow',
  params: PARAMS.audio.parse({ seconds: 2, seed: 7 }),
  count: 1,
  inputs: [],
};

const slowly = (server: SoundServer) => void (server.mishaps.msPerSecond = 50);
const heal = ({ mishaps, models }: SoundServer) => {
  models.add('music');
  Object.assign(mishaps, { isOutOfMemory: false, isEmpty: false, excessBytes: 0, msPerSecond: 1 });
};
const onWork = (what: (server: SoundServer) => void | Promise<void>): MishapRule<SoundServer> => ({
  arrange: slowly,
  during: async (server) => {
    await server.whenBusy();
    await what(server);
  },
  heal,
  ends: 'engineCrashed',
});
const spoiled = (name: 'isOutOfMemory' | 'isEmpty', ends: MishapRule<SoundServer>['ends']) => ({
  arrange: ({ mishaps }: SoundServer) => void (mishaps[name] = true),
  heal,
  ends,
});

/** Of servers that answer when all is done; `path` is their one call. */
const rulesOf = (path: RegExp): Record<Mishap, MishapRule<SoundServer>> => ({
  'engine is down': {
    arrange: ({ simulator }) => simulator.kill(),
    heal: ({ simulator }) => simulator.restart(),
    ends: 'engineUnreachable',
  },
  'line breaks while it runs': onWork(({ simulator }) => simulator.cutConnections()),
  'engine restarts while it runs': onWork(({ simulator }) => simulator.restart()),
  // Nothing is kept on the server, so what it finished unheard cannot be found.
  'engine says nothing more but finishes': {
    arrange: ({ simulator }) => simulator.misbehave(path, 'hang'),
    ends: 'timedOut',
  },
  'answer to the start is lost': {
    arrange: ({ simulator }) => simulator.misbehave(path, 'answerLost'),
    ends: 'engineCrashed',
  },
  'answer is cut short': {
    arrange: ({ simulator }) => simulator.misbehave(path, 'cut'),
    ends: 'engineCrashed',
  },
  'answer is not what was promised': {
    arrange: ({ simulator }) => simulator.misbehave(path, 'garbage'),
    ends: 'outputInvalid',
  },
  'out of memory': spoiled('isOutOfMemory', 'outOfMemory'),
  'model is gone': { arrange: ({ models }) => models.clear(), heal, ends: 'modelMissing' },
  'result is huge': {
    arrange: ({ mishaps }) => void (mishaps.excessBytes = 500_000),
    heal,
    ends: 'outputInvalid',
  },
  'result comes slowly': { arrange: slowly, heal, ends: 'succeeds' },
  'result is empty or damaged': spoiled('isEmpty', 'outputInvalid'),
  'somebody else works there too': {
    arrange: async (server) => {
      slowly(server);
      const { url } = server.simulator;
      const body = JSON.stringify({
        ...{ text: 'a', prompt: 'a', duration: 2, duration_seconds: 2, audio_duration: 2 },
        ...{ model: 'music', model_id: 'music', seed: 1, audio_format: 'wav' },
      });
      const call = CALLS[server.tongue];
      void fetch(`${url}${call}`, { method: 'POST', body }).then((answer) => answer.bytes());
      await server.whenBusy();
    },
    heal,
    ends: 'succeeds',
  },
});

const CALLS = {
  'ace-step': '/release_task',
  'local-ai': '/v1/sound-generation',
  wrapper: '/generate',
} as const;

const aceStepRules: Record<Mishap, MishapRule<SoundServer>> = {
  ...rulesOf(/release_task/),
  // The task goes on, and is asked for again.
  'line breaks while it runs': {
    ...onWork(({ simulator }) => simulator.cutConnections()),
    ends: 'succeeds',
  },
  'engine says nothing more but finishes': {
    arrange: ({ simulator }) => simulator.misbehave(/query_result/, 'hang', 2),
    ends: 'succeeds',
  },
  'answer is cut short': {
    arrange: ({ simulator }) => simulator.misbehave(/v1.audio/, 'cut'),
    ends: 'engineCrashed',
  },
};

const faultsOf = (tongue: SoundTongue): FaultsOptions<SoundServer> => ({
  name: `sound (${tongue})`,
  open: async () => {
    const server = await startSoundServer(tongue);
    const settings = settingsOf(server.simulator.url, tongue);
    const narrow = { resultBytesMax: 400_000, soundTimeoutMs: 75_000 };
    return {
      server,
      engine: createSoundEngine({ ...settings, ...narrow }, seams),
      close: () => server.simulator.close(),
    };
  },
  job,
  isIdle: (server) => server.busy === 0,
  rules: tongue === 'ace-step' ? aceStepRules : rulesOf(new RegExp(CALLS[tongue])),
});

for (const tongue of TONGUES) describeFaults(faultsOf(tongue));
