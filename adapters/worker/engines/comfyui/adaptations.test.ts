// An adaptation that lies elsewhere: fetched into ComfyUI's folder for the job that names it, and named by its file.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { EngineJob } from '../../../../machines/contract/engine.ts';
import { PARAMS } from '../../../../machines/contract/requests.ts';
import { quickTimers } from '../../clock-testing.ts';
import { adaptation, openShop, sha256Of } from '../../loras/shop-testing.ts';
import { createComfyuiEngine } from './engine.ts';
import { startComfySimulator } from './simulator/server.ts';

const never = new AbortController().signal;
const jobOf = (name: string): EngineJob => ({
  ...{ id: 'job_1', attempt: 1, model: 'sdxl', modality: 'image', prompt: 'a boat', count: 1 },
  params: PARAMS.image.parse({ width: 256, height: 256, loras: [{ name, weight: 0.5 }] }),
  inputs: [],
});

it('fetches what a job names, and lets it go again', async () => {
  const shop = await openShop();
  const folder = await mkdtemp(join(tmpdir(), 'tessera-comfy-loras-'));
  const list = [1, 2].map((seed) => {
    const bytes = adaptation(seed);
    shop.files.set(`/${seed}`, bytes);
    const sha256 = sha256Of(bytes);
    return { name: `lora${seed}`, url: `${shop.url}/${seed}`, sha256, models: ['sdxl'] };
  });
  const files = list.map(({ sha256 }) => `${sha256}.safetensors`);
  const other = { ...list[0]!, name: 'for-others', models: ['flux-dev'] };
  const server = await startComfySimulator({
    folders: { checkpoints: ['sd_xl_base_1.0.safetensors'], loras: files },
  });
  const engine = await createComfyuiEngine(
    {
      url: server.url,
      loraCache: { folder, bytesMax: adaptation(1).length, list: [...list, other] },
    },
    { timers: quickTimers },
  );
  onTestFinished(async () => {
    await engine.close();
    await Promise.all([server.close(), shop.close(), rm(folder, { recursive: true })]);
  });

  const offer = (await engine.models()).find(({ id }) => id === 'sdxl');
  expect(offer?.loras).toEqual(['lora1', 'lora2']);
  expect(shop.asked).toEqual([]);
  await engine.load('sdxl', never);
  const asked = () =>
    String(server.simulator.requests.findLast(({ path }) => path === '/prompt')!.body);
  for (const [index, { name }] of list.entries()) {
    expect(await engine.run(jobOf(name), () => {}, never)).toHaveLength(1);
    expect(asked()).toContain(files[index]!);
    // There is room for one: the first was let go.
    expect(await readdir(folder)).toEqual([files[index]]);
  }
  await expect(engine.run(jobOf('for-others'), () => {}, never)).rejects.toMatchObject({
    code: 'invalidInput',
  });
  shop.files.clear();
  await expect(engine.run(jobOf('lora1'), () => {}, never)).rejects.toMatchObject({
    code: 'modelLoadFailed',
  });
});
