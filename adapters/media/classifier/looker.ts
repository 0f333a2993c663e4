// The program that looks at pictures. It runs as a `LimitedChild`, and reads its model at the first of them.
import sharp, { type Sharp } from 'sharp';
import type { Looks } from '../../../machines/contract/media.ts';
import { answering } from '../answering.ts';
import { PIXELS_MAX } from '../picture.ts';
import { readModel } from './model.ts';
import { run } from './network.ts';

const SIDE = 224;
/** In the model's order. */
const NAMES = ['drawing', 'hentai', 'neutral', 'porn', 'sexy'] as const satisfies (keyof Looks)[];

const model = readModel();

answering(async ({ path }: { readonly path: string }): Promise<Looks> => {
  const options = { limitInputPixels: 2 * PIXELS_MAX } as const;
  const { pages = 1 } = await sharp(path, { ...options, pages: -1 }).metadata();
  const all: Looks[] = [];
  for (const page of new Set([0, pages >> 1, pages - 1]))
    all.push(await lookAt(sharp(path, { ...options, page })));
  return worstOf(all);
});

async function lookAt(picture: Sharp): Promise<Looks> {
  const pixels = await picture
    .resize(SIDE, SIDE, { fit: 'fill' })
    .flatten({ background: '#fff' })
    .toColourspace('srgb')
    .raw()
    .toBuffer();
  const values = Float32Array.from(pixels, (value) => value / 255);
  const scores = run(await model, { height: SIDE, width: SIDE, channels: 3, values });
  return Object.fromEntries(NAMES.map((name, n) => [name, scores[n]!])) as Looks;
}

/** Of several frames: what any of them shows, it shows. */
function worstOf(all: readonly Looks[]): Looks {
  const most = (name: keyof Looks) => Math.max(...all.map((each) => each[name]));
  return Object.fromEntries(NAMES.map((name) => [name, most(name)])) as Looks;
}
