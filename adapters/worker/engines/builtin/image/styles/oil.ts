// Oil: strokes along the forms, wide brushes first, finer ones only where the picture asks for them.
import { createRandom } from '../../random.ts';
import { createRaster, type Raster } from '../raster.ts';
import { clamp } from '../scene.ts';
import type { StyleContext } from './style.ts';
import { blurPlane, lightOf, slopeAt, type Plane } from './tones.ts';

/** Half widths of the brushes, in units. */
const BRUSHES = [26, 12, 6, 3.2];
/** A stroke is laid where the canvas is further than this from the picture. */
const DIFFERENCE = 0.035;
const BRISTLES = 9;

export function paintInOil(screen: Raster, context: StyleContext): Raster {
  const { width, height } = screen;
  const { unit, atlas, seed } = context;
  const random = createRandom(seed ^ 0x011);
  const canvas = createRaster(width, height);
  canvas.data.fill(-1);
  const relief = new Float32Array(width * height);
  for (const [index, brush] of BRUSHES.entries()) {
    const half = Math.max(1.2, brush * unit);
    const forms = blurPlane(lightOf(screen), Math.max(1, half * 0.8));
    const step = half * 1.15;
    for (let row = 0; row < height / step; row += 1) {
      for (let column = 0; column < width / step; column += 1) {
        const x = clamp(Math.round((column + random.next()) * step), 0, width - 1);
        const y = clamp(Math.round((row + random.next()) * step), 0, height - 1);
        if (index > 0 && difference(screen, canvas, x, y) < DIFFERENCE) continue;
        const [dx, dy] = slopeAt(forms, x, y);
        const wander = atlas.fractal((x / unit / 1000) * 0.5, (y / unit / 1000) * 0.5) * 2.2;
        // Along the edge where there is one, along a slow wind where there is none.
        const steep = Math.hypot(dx, dy);
        const angle = steep > 0.004 ? Math.atan2(dx, -dy) : wander;
        const length = half * (steep > 0.02 ? 2.6 : 4) * random.between(0.8, 1.3);
        stroke(screen, canvas, relief, {
          x,
          y,
          angle,
          half,
          length,
          jitter: random.between(-0.022, 0.022),
          seed: random.next(),
        });
      }
    }
  }
  return varnish(canvas, { width, height, data: relief }, unit);
}

function difference(a: Raster, b: Raster, x: number, y: number): number {
  const at = (y * a.width + x) * 3;
  const r = Math.abs(a.data[at]! - b.data[at]!);
  const g = Math.abs(a.data[at + 1]! - b.data[at + 1]!);
  const blue = Math.abs(a.data[at + 2]! - b.data[at + 2]!);
  return Math.max(r, g, blue);
}

interface Stroke {
  readonly x: number;
  readonly y: number;
  readonly angle: number;
  readonly half: number;
  readonly length: number;
  readonly jitter: number;
  readonly seed: number;
}

function stroke(picture: Raster, canvas: Raster, relief: Float32Array, s: Stroke): void {
  const { width, height } = picture;
  const cos = Math.cos(s.angle);
  const sin = Math.sin(s.angle);
  const from = (s.y * width + s.x) * 3;
  const reach = Math.ceil(Math.max(s.length, s.half) + 1);
  const wide = Math.ceil(Math.abs(cos) * s.length + Math.abs(sin) * s.half) + 1;
  const tall = Math.ceil(Math.abs(sin) * s.length + Math.abs(cos) * s.half) + 1;
  if (reach > 4096) return;
  for (let y = Math.max(0, s.y - tall); y <= Math.min(height - 1, s.y + tall); y += 1) {
    for (let x = Math.max(0, s.x - wide); x <= Math.min(width - 1, s.x + wide); x += 1) {
      const along = ((x - s.x) * cos + (y - s.y) * sin) / s.length;
      const across = ((y - s.y) * cos - (x - s.x) * sin) / s.half;
      const round = along * along * along * along + across * across;
      if (round > 1) continue;
      const hair =
        Math.sin((across * BRISTLES + s.seed * 40) * (1 + s.seed)) * 0.5 +
        Math.sin(across * BRISTLES * 2.7 + s.seed * 90) * 0.5;
      const cover = clamp((1 - round) * 3.2 + hair * 0.35) * 0.94;
      const at = y * width + x;
      const tone = s.jitter + hair * 0.013;
      for (let channel = 0; channel < 3; channel += 1) {
        const under = canvas.data[at * 3 + channel]!;
        const colour = picture.data[from + channel]! + tone;
        canvas.data[at * 3 + channel] = under < 0 ? colour : under + (colour - under) * cover;
      }
      relief[at] =
        relief[at]! * (1 - cover * 0.8) + (hair * 0.5 + 0.6 - across * across * 0.5) * cover;
    }
  }
}

/** Paint has a thickness, and light falls on it from the upper left. */
function varnish(canvas: Raster, relief: Plane, unit: number): Raster {
  const { width, height, data } = canvas;
  const soft = blurPlane(relief, Math.max(1, 0.5 * unit));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [dx, dy] = slopeAt(soft, x, y);
      const light = 1 - clamp(dx + dy, -0.5, 0.5) * 0.17;
      const at = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel += 1)
        data[at + channel] = Math.max(0, data[at + channel]!) * light;
    }
  }
  return canvas;
}
