// Every motif in every style, very small: nothing breaks, and no two come out alike.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { createAtlas } from './atlas.ts';
import { createPicture } from './picture.ts';
import { STYLES, type Style } from './style-names.ts';
import { MOTIFS } from './words.ts';

const atlas = createAtlas(64, 4);
const PROMPTS = ['mountain', 'sea', 'forest', 'city', 'galaxy', 'meadow', 'desert', 'abstract'];

const draw = async (prompt: string, style: Style, width = 48, height = 40, steps = 2) => {
  const shown: number[] = [];
  const picture = await createPicture({
    prompt,
    seed: 3,
    style,
    width,
    height,
    steps,
    atlas,
    check: () => {},
    onStep: async (step, soFar) => void shown.push(step, soFar().width),
  });
  return { ...picture, shown };
};

test('has a prompt for every motif', async () => {
  const motifs = await Promise.all(
    PROMPTS.map(async (prompt) => (await draw(prompt, 'natural')).facts.motif),
  );
  expect(motifs).toEqual([...MOTIFS]);
});

test.each(STYLES)('draws every motif as %s', async (style) => {
  const seen = new Set<string>();
  for (const prompt of PROMPTS) {
    const { bytes } = await draw(prompt, style);
    expect(bytes).toHaveLength(48 * 40 * 3);
    // A flat picture would mean that a number got lost on the way.
    expect(new Set(bytes).size).toBeGreaterThan(style === 'pixel' ? 20 : 40);
    seen.add(createHash('sha256').update(bytes).digest('hex'));
  }
  expect(seen.size).toBe(PROMPTS.length);
});

test.each([
  [64, 512],
  [512, 64],
  [65, 67],
])('fits any shape: %i x %i', async (width, height) => {
  for (const prompt of PROMPTS) {
    const { bytes } = await draw(prompt, 'natural', width, height);
    expect(bytes).toHaveLength(width * height * 3);
  }
});

test('shows every step, coarse to fine', async () => {
  const { shown } = await draw('sea', 'natural', 128, 128, 7);
  expect(shown).toEqual([1, 8, 2, 16, 3, 32, 4, 64, 5, 128, 6, 128, 7, 128]);
});

test('more steps change edges only', async () => {
  const [few, many] = [
    await draw('city', 'natural', 96, 96, 5),
    await draw('city', 'natural', 96, 96, 12),
  ];
  const changed = few.bytes.reduce(
    (count, value, at) => count + (value === many.bytes[at] ? 0 : 1),
    0,
  );
  expect(changed).toBeGreaterThan(0);
  expect(changed / few.bytes.length).toBeLessThan(0.5);
});
