// What is ComfyUI's own and the common suite does not ask: uploads, results that are gone, memory, cancelling beside
// others, missing parts, what is never told.
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterEach, expect, it } from 'vitest';
import type { EngineJob, EngineUpdate } from '../../../../machines/contract/engine.ts';
import { PARAMS } from '../../../../machines/contract/requests.ts';
import { quickTimers } from '../../clock-testing.ts';
import { createComfyuiEngine } from './engine.ts';
import { startComfySimulator, type ComfySimulator } from './simulator/server.ts';

const workflowsFolder = fileURLToPath(new URL('conformance', import.meta.url));
const never = new AbortController().signal;
const GIGABYTE = 1024 ** 3;
let server: ComfySimulator;
afterEach(() => server.close());

async function open(options: Parameters<typeof startComfySimulator>[0] = {}) {
  server = await startComfySimulator(options);
  const settings = { url: server.url, workflowsFolder };
  return createComfyuiEngine(settings, { timers: quickTimers });
}
const jobOf = (model: string, params: object = {}, change: Partial<EngineJob> = {}): EngineJob => ({
  ...{ id: 'job_1', attempt: 1, model, modality: 'image', prompt: 'a secret wish', count: 1 },
  params: PARAMS.image.parse({ width: 64, height: 64, ...params }),
  inputs: [],
  ...change,
});
const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: 'teal' } })
    .png()
    .toBuffer();

it('uploads an input under a name of its own and enlarges it', async () => {
  const engine = await open({ folders: { upscale_models: ['RealESRGAN_x4plus.pth'] } });
  await engine.load('upscale', never);
  const inputs = [{ role: 'image', bytes: await picture(40, 30) }];
  const [output] = await engine.run(jobOf('upscale', { scale: 2 }, { inputs }), () => {}, never);
  expect(output).toMatchObject({ width: 80, height: 60, mediaType: 'image/png' });
  const upload = server.simulator.requests.find(({ path }) => path === '/upload/image')!;
  expect(upload.body.toString('latin1')).toMatch(/filename="[0-9a-f-]{36}\.png"/);
  const text = [{ role: 'image', bytes: Buffer.from('not a picture, but long enough') }];
  const run = engine.run(jobOf('upscale', {}, { inputs: text }), () => {}, never);
  await expect(run).rejects.toMatchObject({ code: 'invalidInput' });
});

it('has a result made again whose file is gone', async () => {
  const engine = await open();
  await engine.load('probe', never);
  const job = jobOf('probe', { seed: 5 });
  await engine.run(job, () => {}, never);
  server.disk.forgetResults();
  expect(await engine.run(job, () => {}, never)).toHaveLength(1);
  expect(server.simulator.requests.filter(({ path }) => path === '/free')).toHaveLength(1);
});

it('frees the memory and sees that it is free', async () => {
  const folders = { checkpoints: ['sd_xl_base_1.0.safetensors'] };
  const engine = await open({ vramBytes: 16 * GIGABYTE, folders });
  server.knobs.modelBytes = 7 * GIGABYTE;
  await engine.load('sdxl', never);
  await engine.run(jobOf('sdxl', { width: 256, height: 256, steps: 2 }), () => {}, never);
  expect(await engine.vramUsedBytes!()).toBe(7 * GIGABYTE);
  await engine.unload('sdxl');
  expect(await engine.vramUsedBytes!()).toBe(0);
  // Measured, though no more than the estimate of its file.
  expect(await engine.load('sdxl', never)).toMatchObject({ vramBytes: 7 * GIGABYTE });
});

it('cancels its own prompt only, running or waiting', async () => {
  const engine = await open();
  await engine.load('probe', never);
  const foreign = {
    a: { class_type: 'EmptyImage', inputs: { width: 64, height: 64, batch_size: 1, color: 1 } },
    b: {
      class_type: 'ProbeSlow',
      inputs: { image: ['a', 0], steps: 100_000, delay_ms: 2, interruptible: true, tag: '' },
    },
    c: { class_type: 'SaveImage', inputs: { images: ['b', 0], filename_prefix: 'foreign' } },
  };
  server.submitForeign(foreign);
  const stop = new AbortController();
  const run = engine.run(jobOf('probe'), () => {}, stop.signal);
  while (server.worker.pending.length === 0) await new Promise(setImmediate);
  stop.abort(new Error('unwanted'));
  await expect(run).rejects.toThrow('unwanted');
  expect(server.worker.pending).toHaveLength(0);
  expect(server.worker.remaining()).toBe(1);
  expect(server.simulator.requests.some(({ path }) => path === '/interrupt')).toBe(false);
  server.worker.interrupt();
});

it('never tells a prompt, whatever fails', async () => {
  const engine = await open();
  await engine.load('probe', never);
  const message = 'cannot encode "a secret wish" in /home/somebody';
  server.knobs.failures.push({ classType: /ProbeSlow/, failure: { type: 'ValueError', message } });
  const run = engine.run(jobOf('probe'), () => {}, never);
  await expect(run).rejects.toMatchObject({
    code: 'engineError',
    message: 'ComfyUI failed in ProbeSlow (ValueError).',
  });
});

it('gives previews and one progress over all nodes', async () => {
  const engine = await open();
  await engine.load('probe', never);
  const updates: EngineUpdate[] = [];
  await engine.run(jobOf('probe', { steps: 8 }), (update) => updates.push(update), never);
  const progress = updates.filter((update) => update.type === 'progress');
  expect(progress.filter(({ preview }) => preview?.mediaType === 'image/jpeg')).toHaveLength(8);
  expect(progress.find(({ step }) => step === 4)).toMatchObject({ steps: 8 });
});

it('deletes a prompt that is taken only in part', async () => {
  const engine = await open();
  await engine.load('probe', never);
  const taken = { prompt_id: 'x', number: 1, node_errors: {} };
  const fetchPartly: typeof fetch = async (input, init) => {
    const answer = await fetch(input, init);
    if (!String(input).endsWith('/prompt') || init?.method !== 'POST') return answer;
    const { prompt_id } = (await answer.json()) as typeof taken;
    const errors = [{ type: 'required_input_missing', extra_info: { input_name: 'image' } }];
    const node_errors = { '8': { errors, dependent_outputs: ['9'], class_type: 'ImageInvert' } };
    return Response.json({ ...taken, prompt_id, node_errors });
  };
  const settings = { url: server.url, workflowsFolder };
  const other = await createComfyuiEngine(settings, { timers: quickTimers, fetch: fetchPartly });
  await other.load('probe', never);
  await expect(other.run(jobOf('probe', { steps: 150 }), () => {}, never)).rejects.toMatchObject({
    code: 'engineError',
    message: 'ComfyUI does not accept ImageInvert: required_input_missing.',
  });
  expect(server.worker.remaining()).toBe(0);
});

it('says what a server lacks and offers the rest', async () => {
  const engine = await open({ folders: { checkpoints: ['sd_xl_base_1.0.safetensors'] } });
  server.missingNodes.add('ImageUpscaleWithModel');
  const lacks = await engine.lacks();
  expect(lacks).toContain(
    'Upscale (upscale) needs the node ImageUpscaleWithModel, which this ComfyUI does not have. Update ComfyUI or install the custom node.',
  );
  expect(lacks.join()).toContain('models/upscale_models');
  const offered = (await engine.models()).map(({ id }) => id);
  expect(offered.sort()).toEqual([
    'core',
    'core-image',
    'probe',
    'sdxl',
    'sdxl-image',
    'sdxl-inpaint',
  ]);
  await expect(engine.load('upscale', never)).rejects.toMatchObject({ code: 'modelMissing' });
  await expect(engine.load('../sdxl', never)).rejects.toMatchObject({ code: 'modelMissing' });
});

it('tells which values it would refuse', async () => {
  const engine = await open({ folders: { checkpoints: ['sd_xl_base_1.0.safetensors'] } });
  const sdxl = (await engine.models()).find(({ id }) => id === 'sdxl')!;
  expect(sdxl.limits.ranges).toMatchObject({
    width: { min: 256, max: 2048 },
    guidance: { min: 1, max: 20 },
  });
  await engine.load('sdxl', never);
  const tooWide = jobOf('sdxl', { width: 2056, height: 256, steps: 2 });
  await expect(engine.run(tooWide, () => {}, never)).rejects.toMatchObject({
    code: 'invalidInput',
  });
});

it('takes nodes that spare memory for a job that ran out of it', async () => {
  const engine = await open({ folders: { checkpoints: ['sd_xl_base_1.0.safetensors'] } });
  await engine.load('sdxl', never);
  const params = { width: 256, height: 256, steps: 2 };
  await engine.run(jobOf('sdxl', params, { isSafe: true }), () => {}, never);
  const [prompt] = server.simulator.requests.filter(
    ({ path, method }) => path === '/prompt' && method === 'POST',
  );
  expect(prompt!.body.toString()).toContain('VAEDecodeTiled');
});
