// Single blossoms, drawn from their own small geometry: u to the right, v up from the ground, in sizes.
import type { Colour } from './colour.ts';
import { clamp, smooth } from './scene.ts';

export interface FlowerShape {
  readonly words: readonly string[];
  readonly form: 'open' | 'daisy' | 'cup' | 'spike';
  readonly petals: number;
  /** How high it stands, in sizes. */
  readonly height: number;
  readonly usual: string;
  readonly heartCode: string;
}

export interface FlowerKind extends FlowerShape {
  readonly petal: Colour;
  readonly light: Colour;
  readonly heart: Colour;
  readonly stem: Colour;
}

export const KINDS: readonly FlowerShape[] = [
  {
    words: ['poppy'],
    form: 'open',
    petals: 4,
    height: 2.2,
    usual: '#e2352b',
    heartCode: '#1d1418',
  },
  {
    words: ['daisy', 'chamomile'],
    form: 'daisy',
    petals: 13,
    height: 1.9,
    usual: '#fbf8f0',
    heartCode: '#f2b82e',
  },
  { words: ['tulip'], form: 'cup', petals: 3, height: 2.5, usual: '#ee5a7a', heartCode: '#f7d24a' },
  {
    words: ['lavender', 'lupin', 'lupine'],
    form: 'spike',
    petals: 9,
    height: 2.9,
    usual: '#8a63d2',
    heartCode: '#6a45b0',
  },
  {
    words: ['sunflower'],
    form: 'daisy',
    petals: 17,
    height: 2.9,
    usual: '#f6bd1e',
    heartCode: '#4a2a14',
  },
  {
    words: ['rose', 'peony'],
    form: 'open',
    petals: 7,
    height: 2.1,
    usual: '#d8345f',
    heartCode: '#8a1236',
  },
  {
    words: ['cornflower', 'forget', 'bluebell'],
    form: 'open',
    petals: 8,
    height: 2,
    usual: '#3f6fe0',
    heartCode: '#24357f',
  },
];

interface Point {
  readonly u: number;
  readonly v: number;
  /** One pixel, in sizes. */
  readonly pixel: number;
  readonly chance: number;
}

interface Paint {
  part: number;
  r: number;
  g: number;
  b: number;
}

export function flowerCover(kind: FlowerKind, point: Point, paint: Paint): void {
  const { u, v, pixel, chance } = point;
  paint.part = 0;
  const height = kind.height * (0.85 + 0.3 * chance);
  const bow = (chance - 0.5) * 0.5 * (v / height) ** 2;
  if (Math.abs(u) > 1.2 || v < 0 || v > height + 1.1) return;
  const stem = clamp((0.045 - Math.abs(u - bow)) / pixel + 0.5) * (v < height ? 1 : 0);
  const leafAt = height * 0.4;
  const leaf =
    clamp(
      (0.16 - Math.abs(v - leafAt - Math.abs(u - bow) * 0.9) - Math.abs(u - bow) * 0.22) / pixel,
    ) * (Math.abs(u - bow) < 0.62 ? 1 : 0);
  const green = Math.max(stem, leaf);
  if (green > 0) setPaint(paint, kind.stem, 0.8 + 0.35 * clamp(v / height), green);
  const x = u - bow;
  const y = v - height;
  if (kind.form === 'cup') cup(kind, x, y, pixel, paint);
  else if (kind.form === 'spike') spike(kind, x, y, pixel, paint);
  else rosette(kind, x, y, pixel, chance, paint);
}

function rosette(
  kind: FlowerKind,
  x: number,
  y: number,
  pixel: number,
  chance: number,
  paint: Paint,
): void {
  // Seen a little from above, each in its own direction.
  const tall = 0.62 + 0.3 * chance;
  const dy = y / tall;
  const distance = Math.sqrt(x * x + dy * dy);
  if (distance > 1.1) return;
  const angle = Math.atan2(dy, x) + chance * 6;
  const wave = Math.abs(Math.cos((angle * kind.petals) / 2));
  const reach = kind.form === 'daisy' ? 0.42 + 0.52 * wave ** 0.55 : 0.62 + 0.3 * wave ** 0.7;
  const cover = clamp((reach - distance) / pixel + 0.5);
  if (cover > 0) {
    const fold = kind.form === 'daisy' ? 0.75 + 0.25 * wave : 0.62 + 0.38 * wave * distance;
    const light = fold * (0.82 + 0.3 * dy * 0.6) + 0.12 * distance;
    setPaint(paint, light > 0.95 ? kind.light : kind.petal, Math.min(1.15, light + 0.12), cover);
  }
  const heartSize = kind.form === 'daisy' ? (kind.petals > 15 ? 0.42 : 0.28) : 0.2;
  const heart = clamp((heartSize - distance) / pixel + 0.5);
  if (heart > 0) setPaint(paint, kind.heart, 0.8 + 0.4 * clamp(dy / heartSize), heart);
}

function cup(kind: FlowerKind, x: number, y: number, pixel: number, paint: Paint): void {
  const up = (y + 0.25) / 1.15;
  if (up < 0 || up > 1) return;
  const half = 0.5 * Math.sqrt(Math.sin(Math.PI * Math.min(0.92, 0.18 + up * 0.62)));
  const crown = 0.16 * Math.abs((((x / half) * 1.5 + 1.5) % 1) - 0.5) * 2;
  const cover = clamp(Math.min(half - Math.abs(x), 1 - crown - up) / pixel + 0.5);
  if (cover === 0) return;
  const seam = smooth(0.0, 0.12, Math.abs(Math.abs(x) - half * 0.36));
  setPaint(
    paint,
    up > 0.75 ? kind.light : kind.petal,
    (0.72 + 0.34 * up) * (0.82 + 0.18 * seam),
    cover,
  );
}

function spike(kind: FlowerKind, x: number, y: number, pixel: number, paint: Paint): void {
  const up = (y + 1.3) / 2.1;
  if (up < 0 || up > 1) return;
  const half = 0.2 * (1 - up * 0.75) * (0.7 + 0.45 * Math.abs(Math.sin(up * kind.petals * 3.1)));
  const cover = clamp((half - Math.abs(x)) / pixel + 0.5);
  if (cover > 0)
    setPaint(
      paint,
      up > 0.7 ? kind.light : kind.petal,
      0.78 + 0.3 * (x / half) * 0.5 + 0.15 * up,
      cover,
    );
}

function setPaint(paint: Paint, [r, g, b]: Colour, light: number, cover: number): void {
  const keep = 1 - cover;
  const under = paint.part * keep;
  const part = under + cover;
  paint.r = (paint.r * under + r * light * cover) / part;
  paint.g = (paint.g * under + g * light * cover) / part;
  paint.b = (paint.b * under + b * light * cover) / part;
  paint.part = part;
}
