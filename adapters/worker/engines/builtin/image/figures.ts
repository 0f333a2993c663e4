// Small things that a prompt may name, cut from simple outlines and set into the scene: a sail on the
// sea, a lighthouse, birds. They make a picture answer to its words.
import type { Random } from '../random.ts';
import { blend, hex, scale, type Colour } from './colour.ts';
import { clamp, mixInto, type Scene, type SceneContext } from './scene.ts';
import type { Thing } from './words.ts';

/** A closed outline in its own units: x to the right, y up, 1 is the figure's height. */
interface Part {
  readonly tone: 'dark' | 'mid' | 'light' | 'accent' | 'lamp';
  readonly points: readonly number[];
}

interface Placed {
  readonly parts: readonly Part[];
  readonly x: number;
  /** Where it stands. */
  readonly y: number;
  readonly size: number;
  readonly sway: number;
  readonly mirrored: boolean;
}

const PARTS: Partial<Record<Thing, readonly Part[]>> = {
  boat: [
    { tone: 'dark', points: [-0.42, 0.14, 0.44, 0.14, 0.3, 0, -0.32, 0] },
    { tone: 'light', points: [0.03, 0.18, 0.03, 1, 0.4, 0.2] },
    { tone: 'mid', points: [-0.02, 0.2, -0.02, 0.86, -0.34, 0.2] },
    { tone: 'dark', points: [-0.01, 0.14, -0.01, 1.03, 0.02, 1.03, 0.02, 0.14] },
  ],
  lighthouse: [
    {
      tone: 'dark',
      points: [
        -0.5, 0.02, -0.36, 0.13, -0.2, 0.17, 0.08, 0.18, 0.3, 0.13, 0.46, 0.08, 0.62, 0, -0.6,
        -0.02,
      ],
    },
    { tone: 'light', points: [-0.1, 0.16, -0.065, 0.8, 0.065, 0.8, 0.1, 0.16] },
    { tone: 'accent', points: [-0.093, 0.29, -0.085, 0.44, 0.085, 0.44, 0.093, 0.29] },
    { tone: 'accent', points: [-0.077, 0.57, -0.071, 0.7, 0.071, 0.7, 0.077, 0.57] },
    { tone: 'dark', points: [-0.095, 0.79, -0.095, 0.82, 0.095, 0.82, 0.095, 0.79] },
    { tone: 'lamp', points: [-0.05, 0.82, -0.05, 0.91, 0.05, 0.91, 0.05, 0.82] },
    { tone: 'accent', points: [-0.07, 0.91, 0, 1, 0.07, 0.91] },
  ],
  balloon: [
    { tone: 'accent', points: roundOutline(0, 0.68, 0.31, 0.32, 0.1, 0.3) },
    { tone: 'light', points: roundOutline(0, 0.68, 0.13, 0.32, 0.05, 0.3) },
    { tone: 'dark', points: [-0.075, 0.13, -0.1, 0.34, -0.09, 0.34, -0.062, 0.13] },
    { tone: 'dark', points: [0.075, 0.13, 0.1, 0.34, 0.09, 0.34, 0.062, 0.13] },
    { tone: 'dark', points: [-0.085, 0, -0.085, 0.14, 0.085, 0.14, 0.085, 0] },
  ],
  castle: [
    { tone: 'dark', points: [-0.75, -0.06, -0.5, 0.1, 0.46, 0.12, 0.75, -0.06] },
    { tone: 'mid', points: [-0.42, 0.06, -0.42, 0.42, 0.4, 0.42, 0.4, 0.06] },
    { tone: 'dark', points: [-0.47, 0.08, -0.47, 0.6, -0.31, 0.6, -0.31, 0.08] },
    { tone: 'accent', points: [-0.5, 0.6, -0.39, 0.82, -0.28, 0.6] },
    { tone: 'dark', points: [0.27, 0.08, 0.27, 0.54, 0.45, 0.54, 0.45, 0.08] },
    { tone: 'accent', points: [0.24, 0.54, 0.36, 0.78, 0.48, 0.54] },
    { tone: 'dark', points: [-0.13, 0.08, -0.13, 0.72, 0.1, 0.72, 0.1, 0.08] },
    { tone: 'accent', points: [-0.17, 0.72, -0.015, 1, 0.14, 0.72] },
    { tone: 'lamp', points: [-0.045, 0.5, -0.045, 0.6, 0.015, 0.6, 0.015, 0.5] },
    { tone: 'lamp', points: [-0.41, 0.42, -0.41, 0.5, -0.37, 0.5, -0.37, 0.42] },
    { tone: 'lamp', points: [0.34, 0.36, 0.34, 0.44, 0.38, 0.44, 0.38, 0.36] },
  ],
  house: [
    { tone: 'mid', points: [-0.5, 0, -0.5, 0.45, 0.5, 0.45, 0.5, 0] },
    { tone: 'dark', points: [-0.64, 0.42, -0.4, 0.88, 0.4, 0.88, 0.64, 0.42] },
    { tone: 'dark', points: [0.2, 0.8, 0.2, 1.05, 0.33, 1.05, 0.33, 0.8] },
    { tone: 'lamp', points: [-0.35, 0.16, -0.35, 0.33, -0.15, 0.33, -0.15, 0.16] },
    { tone: 'lamp', points: [0.17, 0.16, 0.17, 0.33, 0.37, 0.33, 0.37, 0.16] },
    { tone: 'dark', points: [-0.07, 0, -0.07, 0.3, 0.09, 0.3, 0.09, 0] },
  ],
  birds: [
    {
      tone: 'dark',
      points: [
        -0.9, 0.62, -0.62, 0.9, -0.36, 0.78, -0.12, 0.44, 0, 0.36, 0.14, 0.46, 0.4, 0.84, 0.66,
        0.94, 0.92, 0.7, 0.6, 0.76, 0.34, 0.6, 0.1, 0.26, -0.02, 0.14, -0.16, 0.26, -0.34, 0.58,
        -0.58, 0.72,
      ],
    },
  ],
};

/** An egg: wide above, drawn together below. */
function roundOutline(
  x: number,
  y: number,
  wide: number,
  tall: number,
  foot: number,
  drop: number,
): number[] {
  const points: number[] = [];
  for (let step = 0; step <= 22; step += 1) {
    const angle = Math.PI * (-0.12 + (step / 22) * 1.24);
    points.push(x + Math.cos(angle) * wide, y + Math.sin(angle) * tall);
  }
  points.push(x - foot, y - drop - 0.03, x + foot, y - drop - 0.03);
  return points;
}

export function withFigures(scene: Scene, context: SceneContext, random: Random): Scene {
  const placed = placeFigures(scene, context, random);
  if (placed.length === 0) return scene;
  const { palette } = context;
  const tones: Record<Part['tone'], Colour> = {
    dark: scale(palette.near, 0.6),
    mid: blend(palette.near, palette.far, 0.45),
    light: blend(palette.horizon, palette.sun, 0.5 - palette.dark * 0.2),
    accent: blend(
      context.reading.colours[0] ?? hex('#c8402f'),
      palette.near,
      0.15 + palette.dark * 0.4,
    ),
    lamp: scale(blend(palette.sun, palette.accent, 0.5), 0.45 + palette.dark * 1.5),
  };
  let time = 0;
  return {
    ...scene,
    setTime: (seconds) => {
      time = seconds;
      scene.setTime(seconds);
    },
    shade: (x, y, pixel, out) => {
      scene.shade(x, y, pixel, out);
      for (const figure of placed) {
        const rise = Math.sin(time * 1.1 + figure.x * 9) * figure.sway;
        const u = ((x - figure.x) / figure.size) * (figure.mirrored ? -1 : 1);
        const v = (figure.y + rise - y) / figure.size;
        if (u < -1 || u > 1 || v < -0.1 || v > 1.1) continue;
        const soft = pixel / figure.size;
        for (const { tone, points } of figure.parts) {
          const cover = clamp(insideDistance(points, u, v) / soft + 0.5);
          const colour = tones[tone];
          if (cover > 0) mixInto(out, colour[0], colour[1], colour[2], cover);
        }
      }
    },
  };
}

function placeFigures(scene: Scene, { reading, aspect }: SceneContext, random: Random): Placed[] {
  const { horizon, sky, stand } = scene;
  if (horizon === undefined || sky === undefined) return [];
  const away = sky.sunX > aspect / 2 ? 0.27 : 0.73;
  const reach = Math.min(1, aspect);
  const placed: Placed[] = [];
  const place = (thing: Thing, x: number, y: number, size: number, sway = 0) => {
    const parts = PARTS[thing];
    if (parts !== undefined)
      placed.push({
        parts,
        x: x * aspect,
        y,
        size: size * reach,
        sway,
        mirrored: random.next() < 0.5,
      });
  };
  const { things, motif } = reading;
  if (stand !== undefined && things.has('castle')) place('castle', away, stand, 0.3);
  if (stand !== undefined && things.has('house')) place('house', 1 - away, stand, 0.075);
  if (things.has('lighthouse')) place('lighthouse', away, horizon + 0.03, 0.36);
  if (things.has('boat') || (motif === 'sea' && random.next() < 0.3)) {
    place(
      'boat',
      random.between(0.35, 0.65),
      horizon + random.between(0.05, 0.11),
      random.between(0.1, 0.17),
      0.003,
    );
  }
  if (things.has('balloon')) {
    const sizes = [0.3, 0.17, 0.1, 0.07];
    for (const [index, size] of sizes.entries()) {
      place(
        'balloon',
        (0.2 + 0.23 * index + random.between(-0.07, 0.07)) % 1,
        horizon * random.between(0.5, 0.85),
        size,
        0.006,
      );
    }
  }
  if (things.has('birds') || random.next() < 0.3) {
    const centre = random.between(0.3, 0.7);
    const high = horizon * random.between(0.25, 0.5);
    const count = 5 + Math.floor(random.next() * 6);
    for (let bird = 0; bird < count; bird += 1) {
      place(
        'birds',
        centre + random.between(-0.16, 0.16),
        high + random.between(-0.07, 0.07),
        random.between(0.009, 0.019),
        0.004,
      );
    }
  }
  return placed;
}

/** Distance to the outline, positive inside. */
function insideDistance(points: readonly number[], u: number, v: number): number {
  let least = Infinity;
  let isInside = false;
  const last = points.length - 2;
  let [ax, ay] = [points[last]!, points[last + 1]!];
  for (let index = 0; index <= last; index += 2) {
    const bx = points[index]!;
    const by = points[index + 1]!;
    const ex = bx - ax;
    const ey = by - ay;
    const along = clamp(((u - ax) * ex + (v - ay) * ey) / (ex * ex + ey * ey));
    const dx = u - ax - ex * along;
    const dy = v - ay - ey * along;
    least = Math.min(least, dx * dx + dy * dy);
    if (ay > v !== by > v && u < ((v - ay) / ey) * ex + ax) isInside = !isInside;
    [ax, ay] = [bx, by];
  }
  return Math.sqrt(least) * (isInside ? 1 : -1);
}
