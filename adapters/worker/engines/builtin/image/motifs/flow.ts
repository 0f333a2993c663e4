// No thing at all: ink in water, marble, silk. Colour laid along noise that is bent by noise.
import { blend, gradient, hex, scale, tint, type Colour } from '../colour.ts';
import { addInto, clamp, smooth, type Scene, type SceneContext } from '../scene.ts';

const SCHEMES = [
  ['#0d1b3e', '#1f5f8b', '#6ec3c9', '#f6e7cb', '#f08a5d', '#8a1c4a'],
  ['#1a1030', '#5b2a86', '#d9578a', '#ffb27a', '#fff0cf', '#2f7f8f'],
  ['#08201e', '#11645a', '#6fb98f', '#f4e9c4', '#e2a03f', '#93331e'],
  ['#14132b', '#3b3f8f', '#8fa3e0', '#f7dbe6', '#ec6b78', '#5a1846'],
  ['#20140f', '#8a3b1c', '#e38a3b', '#fbe6b8', '#3f8f8a', '#173b4d'],
  ['#0f0f14', '#43434f', '#a9a6a8', '#f3efe6', '#c9a227', '#5c1f1f'],
] as const;

export function createFlow(context: SceneContext): Scene {
  const { reading, random, atlas, aspect } = context;
  const colours = random.pick(SCHEMES).map((code, index) => {
    const by = reading.colours[index % Math.max(1, reading.colours.length)];
    return by === undefined ? hex(code) : tint(hex(code), by, 0.7);
  });
  const stops = colours.map((colour, index): [number, Colour] => [
    index / (colours.length - 1),
    colour,
  ]);
  const table = gradient(stops, 1024);
  const shiftX = random.next();
  const shiftY = random.next();
  const zoom = random.between(0.16, 0.26);
  const warp = random.between(0.35, 0.62);
  const turns = random.between(0.9, 1.5);
  const swirl = random.between(-1.6, 1.6);
  const gold = scale(blend(hex('#ffd98a'), colours[3]!, 0.4), 1.15);
  let time = 0;

  const height = (x: number, y: number, out: { q: number; r: number }) => {
    const qx = atlas.fractal(x + time * 0.0035, y);
    const qy = atlas.fractal(x + 0.52, y + 0.13 - time * 0.003);
    const rx = atlas.fractal(x + warp * 0.34 * qx + 0.17, y + warp * 0.34 * qy + 0.92);
    const ry = atlas.fractal(
      x + warp * 0.34 * qx + 0.83,
      y + warp * 0.34 * qy + 0.28 + time * 0.002,
    );
    out.q = qx * qy;
    out.r = rx;
    return atlas.fractal(x + warp * 0.42 * rx, y + warp * 0.42 * ry);
  };
  const here = { q: 0, r: 0 };
  const beside = { q: 0, r: 0 };

  return {
    setTime: (seconds) => void (time = seconds),
    shade: (x, y, _pixel, out) => {
      const cx = (x - aspect / 2) * zoom;
      const cy = (y - 0.5) * zoom;
      // A slow turn around the middle gives the whole a direction.
      const bend = swirl * Math.exp(-(cx * cx + cy * cy) * 60) + 0.4;
      const u = cx * Math.cos(bend) - cy * Math.sin(bend) + shiftX;
      const v = cx * Math.sin(bend) + cy * Math.cos(bend) + shiftY;
      const h = height(u, v, here);
      const lit = h - height(u - 0.0016, v - 0.0021, beside);
      const place = clamp(0.5 + h * 0.62 * turns + here.r * 0.22 + here.q * 0.25);
      const at = ((place * 1023) | 0) * 3;
      const light = 0.92 + clamp(lit * 9, -0.42, 0.55);
      out[0] = table[at]! * light;
      out[1] = table[at + 1]! * light;
      out[2] = table[at + 2]! * light;
      // Thin veins where the layers meet, as gilders put on agate.
      const contour = Math.abs(((place * 7 + here.r * 0.8) % 1) - 0.5);
      const vein = smooth(0.035, 0.006, contour) * smooth(-0.1, 0.35, here.r + h);
      addInto(out, gold[0], gold[1], gold[2], vein * 0.5);
      const sheen = smooth(0.02, 0.05, lit);
      addInto(out, 1, 0.98, 0.94, sheen * 0.2);
    },
  };
}
