// A prompt becomes a picture: read the words, set the scene, paint it, finish it in a style.
import { createRandom } from '../random.ts';
import type { Atlas } from './atlas.ts';
import { withFigures } from './figures.ts';
import { addGlow, grade, toBytes, toScreen, type Grade } from './finish.ts';
import { createForest } from './motifs/forest.ts';
import { createCity } from './motifs/city.ts';
import { createMeadow } from './motifs/meadow.ts';
import { createDesert } from './motifs/desert.ts';
import { createFlow } from './motifs/flow.ts';
import { createMountains } from './motifs/mountains.ts';
import { createSea } from './motifs/sea.ts';
import { createSpace } from './motifs/space.ts';
import { createRefiner, paint, render } from './painter.ts';
import { createPalette } from './palette.ts';
import { shrink, type Raster } from './raster.ts';
import type { Scene, SceneContext } from './scene.ts';
import type { Style } from './style-names.ts';
import { FILTERS } from './styles/style.ts';
import { withWeather } from './weather.ts';
import { readPrompt, type Motif } from './words.ts';

export interface PictureOptions {
  readonly prompt: string;
  readonly seed: number;
  readonly style: Style | undefined;
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  readonly atlas: Atlas;
  readonly check: () => void;
  readonly onStep: (step: number, soFar: () => Raster) => Promise<void>;
}

const PREVIEW_SIDE_MAX = 384;

const SCENES: Record<Motif, (context: SceneContext) => Scene> = {
  mountains: createMountains,
  sea: createSea,
  forest: createForest,
  city: createCity,
  space: createSpace,
  meadow: createMeadow,
  desert: createDesert,
  flow: createFlow,
};

export type StudioOptions = Omit<PictureOptions, 'steps' | 'check' | 'onStep'>;

/** A set scene, ready to be painted once or filmed. */
export function openStudio(options: StudioOptions) {
  const reading = readPrompt(options.prompt, options.seed);
  const context: SceneContext = {
    reading,
    palette: createPalette(reading),
    random: createRandom(reading.seed),
    atlas: options.atlas,
    aspect: options.width / options.height,
  };
  const figures = createRandom(reading.seed ^ 0xf16);
  const scene = withWeather(withFigures(SCENES[reading.motif](context), context, figures), context);
  // A city has its own neon signs; the style would drown them unless it was asked for by name.
  const meant = reading.style === 'neon' && reading.motif === 'city' ? undefined : reading.style;
  const style = options.style ?? meant ?? 'natural';
  const finish = (light: Raster): Raster => {
    const copy = { ...light, data: light.data.slice() };
    addGlow(copy, 0.7);
    const screen = toScreen(copy);
    const isNatural = style === 'natural';
    // Other styles bring their own texture; the grain of a lens would only disturb them.
    const look = isNatural ? NATURAL : { ...NATURAL, vignette: 0.2, grain: 0 };
    grade(screen, look, reading.seed);
    const unit = Math.min(light.width, light.height) / 1000;
    return isNatural
      ? screen
      : FILTERS[style](screen, { atlas: options.atlas, seed: reading.seed, unit });
  };
  return {
    scene,
    finish,
    facts: { motif: reading.motif, hour: reading.hour, season: reading.season, style },
    /** One frame of a film: the scene at a time, from where the camera is then. */
    moment: (atSeconds: number, ofSeconds: number, samples: number, check: () => void) => {
      scene.setTime(atSeconds);
      const seen = filmed(scene, context.aspect, atSeconds / ofSeconds);
      const light = render(seen, options.width, options.height, check);
      const refine = samples > 1 ? createRefiner(light, seen, check) : () => {};
      for (let sample = 1; sample < samples; sample += 1) refine();
      const screen = finish(light);
      return { bytes: toBytes(screen), preview: () => forPreview(screen) };
    },
  };
}

export async function createPicture(options: PictureOptions) {
  const { scene, finish, facts } = openStudio(options);
  const light = await paint({
    ...options,
    scene,
    onStep: (step, soFar) => options.onStep(step, () => finish(forPreview(soFar))),
  });
  return { bytes: toBytes(finish(light)), facts };
}

const NATURAL: Grade = { contrast: 0.35, saturation: 1.1, vignette: 0.5, grain: 0.022 };
const ZOOM = 0.07;
const PAN = 0.025;

/** A camera that comes slowly nearer and drifts aside, within what the scene holds. */
function filmed(scene: Scene, aspect: number, progress: number): Pick<Scene, 'shade'> {
  const ease = progress * progress * (3 - 2 * progress);
  const zoom = 1 - ZOOM * (0.3 + 0.7 * ease);
  const shift = (ease - 0.5) * PAN * aspect;
  return {
    shade: (x, y, pixel, out) =>
      scene.shade(
        (x - aspect / 2) * zoom + aspect / 2 + shift,
        (y - 0.5) * zoom + 0.5,
        pixel * zoom,
        out,
      ),
  };
}

/** A preview is small: finishing the whole picture for it would cost more than the step itself. */
function forPreview(light: Raster): Raster {
  const factor = PREVIEW_SIDE_MAX / Math.max(light.width, light.height);
  if (factor >= 1) return light;
  return shrink(
    light,
    Math.max(1, Math.round(light.width * factor)),
    Math.max(1, Math.round(light.height * factor)),
  );
}
