// ComfyUI's suite: against the simulator always, against a real server where TESSERA_TEST_REAL_COMFYUI is its URL.
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import type { EngineJob } from '../../../../machines/contract/engine.ts';
import { PARAMS } from '../../../../machines/contract/requests.ts';
import { quickTimers } from '../../clock-testing.ts';
import { describeEngine, type ConformanceCase } from '../conformance.ts';
import { describeFaults } from '../faults-conformance.ts';
import { createComfyuiEngine } from './engine.ts';
import { startComfySimulator, type ComfySimulator } from './simulator/server.ts';

const workflowsFolder = fileURLToPath(new URL('conformance', import.meta.url));
const folders = {
  checkpoints: ['sd_xl_base_1.0.safetensors', 'stable-audio-open-1.0.safetensors'],
  diffusion_models: ['wan2.2_ti2v_5B_fp16.safetensors'],
  text_encoders: ['umt5_xxl_fp8_e4m3fn_scaled.safetensors', 't5-base.safetensors'],
  vae: ['wan2.2_vae.safetensors'],
};

const pictureOf = async (side: number) => ({
  role: 'image',
  bytes: await sharp({ create: { width: side, height: side, channels: 3, background: 'teal' } })
    .png()
    .toBuffer(),
});

const withInput: ConformanceCase = {
  model: 'core-image',
  modality: 'image',
  prompt: '',
  params: { scale: 3 },
  inputs: [await pictureOf(40)],
  expected: { width: 120, height: 120 },
  long: { params: { scale: 4, steps: 16 }, inputs: [await pictureOf(512)] },
  invalid: [
    { params: {}, inputs: [] },
    {
      params: {},
      inputs: [{ role: 'image', bytes: Buffer.from('no picture at all, only words') }],
    },
    { params: {}, inputs: [await pictureOf(40), await pictureOf(41)] },
    { params: {}, inputs: [{ role: 'video', bytes: (await pictureOf(40)).bytes }] },
  ],
  seeded: false,
};

const probe: ConformanceCase = {
  model: 'probe',
  modality: 'image',
  prompt: 'a lighthouse',
  params: { width: 128, height: 96, steps: 5 },
  expected: { width: 128, height: 96 },
  long: { params: { width: 64, height: 64, steps: 100 } },
  invalid: [
    { params: { width: 1024, height: 1024 } },
    { params: { width: 64, height: 64, style: 'oil' } },
    { params: { width: 64, height: 64, loras: [{ name: '../x', weight: 1 }] } },
    { params: { width: 'wide', height: 64 } },
  ],
  seeded: true,
};

describeEngine({
  name: 'comfyui (simulated)',
  open: async () => {
    const server = await startComfySimulator({ folders });
    const engine = await createComfyuiEngine({ url: server.url, workflowsFolder });
    const close = async () => {
      await engine.close();
      await server.close();
    };
    return { ...engine, close };
  },
  cases: [
    probe,
    withInput,
    {
      ...probe,
      model: 'sdxl',
      params: { width: 512, height: 256, steps: 3, style: 'watercolor' },
      expected: { width: 512, height: 256 },
      long: { params: { width: 512, height: 512, steps: 60 } },
      invalid: [
        { params: { width: 512, height: 512, steps: 61 } },
        { params: { width: 2048, height: 2048 } },
      ],
    },
    {
      model: 'wan-2.2-5b',
      modality: 'video',
      prompt: 'waves',
      params: { width: 512, height: 320, seconds: 1, fps: 12, steps: 3 },
      // 4n + 1 frames.
      expected: { width: 512, height: 320, seconds: 13 / 12 },
      long: { params: { width: 512, height: 320, seconds: 1, fps: 12, steps: 50 } },
      invalid: [{ params: { width: 512, height: 320, seconds: 9, fps: 12 } }],
      seeded: true,
    },
    {
      model: 'stable-audio',
      modality: 'audio',
      prompt: 'rain on a tin roof',
      params: { seconds: 2, format: 'flac' },
      expected: { seconds: 2 },
      long: { params: { seconds: 40 } },
      invalid: [
        { params: { seconds: 48, speed: 1, format: 'flac' } },
        { prompt: 'a'.repeat(2001), params: { seconds: 2 } },
      ],
      seeded: false,
    },
  ],
});

const real = process.env['TESSERA_TEST_REAL_COMFYUI'];
if (real !== undefined)
  describeEngine({
    name: `comfyui (real, ${real})`,
    open: () => createComfyuiEngine({ url: real, workflowsFolder }),
    cases: [
      withInput,
      {
        ...probe,
        model: 'core',
        params: { width: 128, height: 96 },
        long: { params: { width: 2048, height: 2048, steps: 16 } },
        invalid: [
          { params: { width: 8192, height: 8192 } },
          { params: { width: 'wide', height: 64 } },
        ],
      },
    ],
  });

const job: EngineJob = {
  id: 'job_faults',
  attempt: 1,
  model: 'probe',
  modality: 'image',
  prompt: 'a lighthouse',
  params: PARAMS.image.parse({ width: 64, height: 64, steps: 10, seed: 1 }),
  count: 1,
  inputs: [],
};
const foreign = {
  a: { class_type: 'EmptyImage', inputs: { width: 64, height: 64, batch_size: 1, color: 9 } },
  b: {
    class_type: 'ProbeSlow',
    inputs: { image: ['a', 0], steps: 20, delay_ms: 2, interruptible: true, tag: '' },
  },
  c: { class_type: 'SaveImage', inputs: { images: ['b', 0], filename_prefix: 'foreign' } },
};

describeFaults<ComfySimulator>({
  name: 'comfyui',
  open: async () => {
    const server = await startComfySimulator();
    const settings = { url: server.url, workflowsFolder, outputBytesMax: 16 * 1024 * 1024 };
    const engine = await createComfyuiEngine(settings, { timers: quickTimers });
    return { engine, server, close: () => server.close() };
  },
  job,
  isIdle: ({ worker }) => worker.remaining() === 0,
  rules: {
    'engine is down': {
      arrange: ({ simulator }) => simulator.kill(),
      heal: ({ simulator }) => simulator.restart(),
      ends: 'engineUnreachable',
    },
    'line breaks while it runs': {
      during: ({ simulator }) => simulator.cutConnections(),
      ends: 'succeeds',
    },
    'engine restarts while it runs': {
      during: ({ simulator }) => simulator.restart(),
      ends: 'engineCrashed',
    },
    'engine says nothing more but finishes': {
      during: ({ simulator }) => simulator.silence(),
      heal: ({ simulator }) => simulator.silence(false),
      ends: 'succeeds',
    },
    'answer to the start is lost': {
      arrange: ({ simulator }) => simulator.misbehave(/^\/prompt$/, 'answerLost'),
      ends: 'succeeds',
    },
    'answer is cut short': {
      arrange: ({ simulator }) => {
        simulator.misbehave(/^\/(view|queue|history\/.*)$/, 'cut', 3);
      },
      ends: 'succeeds',
    },
    'answer is not what was promised': {
      arrange: ({ simulator }) => simulator.misbehave(/^\/prompt$/, 'garbage'),
      ends: 'engineError',
    },
    'out of memory': { arrange: (server) => server.runOutOfMemory(), ends: 'outOfMemory' },
    'model is gone': {
      arrange: ({ missingNodes }) => void missingNodes.add('ProbeSlow'),
      heal: ({ missingNodes }) => void missingNodes.delete('ProbeSlow'),
      ends: 'modelMissing',
    },
    'result is huge': {
      arrange: ({ knobs }) => void (knobs.result = 'huge'),
      heal: ({ knobs }) => void (knobs.result = 'good'),
      ends: 'outputInvalid',
    },
    'result comes slowly': {
      arrange: ({ simulator }) => simulator.misbehave(/^\/view$/, 'hang'),
      ends: 'succeeds',
    },
    'result is empty or damaged': {
      arrange: ({ knobs }) => void (knobs.result = 'damaged'),
      heal: ({ knobs }) => void (knobs.result = 'good'),
      ends: 'outputInvalid',
    },
    'somebody else works there too': {
      arrange: (server) => void server.submitForeign(foreign),
      during: (server) => void server.submitForeign(foreign),
      heal: async ({ worker }) => {
        worker.clear();
        worker.interrupt();
      },
      ends: 'succeeds',
    },
  },
});
