// What a picture keeps when another is drawn over it.
import sharp from 'sharp';
import { expect, it } from 'vitest';
import type { EngineJob } from '../../../../../machines/contract/engine.ts';
import { createRetouchCraft } from './retouch.ts';

const [width, height] = [96, 64];
const craft = createRetouchCraft({
  ...{ tableSize: 64, octaves: 3, stepsDefault: 3, stepsMax: 8, pixelsMax: 1e6 },
});

const plain = (background: string) =>
  sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer();
/** White on the left half. */
const mask = async () =>
  sharp(await plain('#000'))
    .composite([
      {
        input: { create: { width: width / 2, height, channels: 3, background: '#fff' } },
        left: 0,
        top: 0,
      },
    ])
    .png()
    .toBuffer();

async function retouched(inputs: EngineJob['inputs'], params = {}) {
  const job: EngineJob = {
    ...{ id: 'job_1', attempt: 1, model: 'retouch', modality: 'image', count: 1 },
    ...{ prompt: 'a stormy sea', params: { width, height, seed: 7, ...params }, inputs },
  };
  const [output] = await craft.run(job, { report: () => undefined, check: () => undefined });
  const raw = await sharp(output!.bytes).raw().toBuffer();
  return (x: number, y: number) => [...raw.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
}

it('all that the mask does not name, exactly', async () => {
  const at = await retouched([
    { role: 'image', bytes: await plain('#ff0000') },
    { role: 'mask', bytes: await mask() },
  ]);
  expect(at(90, 30)).toEqual([255, 0, 0]);
  expect(at(5, 30)).not.toEqual([255, 0, 0]);
});

it('more of it the less strength there is', async () => {
  const image = { role: 'image', bytes: await plain('#ff0000') };
  expect((await retouched([image], { strength: 0 }))(20, 20)).toEqual([255, 0, 0]);
  const [faint, strong] = [
    (await retouched([image], { strength: 0.2 }))(20, 20),
    (await retouched([image], { strength: 0.9 }))(20, 20),
  ];
  expect(faint[0]!).toBeGreaterThan(strong[0]!);
});

it('its place beside the others', async () => {
  const at = await retouched(
    [
      { role: 'image', bytes: await plain('#ff0000') },
      { role: 'second_image', bytes: await plain('#0000ff') },
    ],
    { strength: 0 },
  );
  expect([at(10, 10), at(80, 10)]).toEqual([
    [255, 0, 0],
    [0, 0, 255],
  ]);
});
