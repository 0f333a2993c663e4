// Nebulae, dense stars, and worlds lit from one side, some with rings.
import { createRandom, hashCell } from '../../random.ts';
import { blend, hex, scale, tint, type Colour } from '../colour.ts';
import { addInto, clamp, mixInto, smooth, type Scene, type SceneContext } from '../scene.ts';

interface World {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly bands: number;
  readonly light: Colour;
  readonly dark: Colour;
  readonly air: Colour;
  readonly row: number;
  readonly ring:
    { readonly tilt: number; readonly squash: number; readonly colour: Colour } | undefined;
}

const CLOUDS = [
  ['#0b0620', '#7a2a86', '#ff7a90', '#ffd9a8'],
  ['#030a1e', '#145a8f', '#37c3c0', '#f0f3c8'],
  ['#0a0618', '#4a2aa0', '#e0569a', '#ffc2a0'],
  ['#050812', '#7a2f1c', '#f08a3c', '#ffe3a6'],
  ['#04100e', '#0f6a66', '#e0a95a', '#fbeec4'],
] as const;

const SECOND_GASES = ['#1c4fb8', '#7d1f8f', '#0f7f8c', '#a8324a', '#3a2aa8'];

export function createSpace(context: SceneContext): Scene {
  const { reading, random, atlas, aspect } = context;
  const [first, other] = reading.colours;
  const stops = random.pick(CLOUDS).map((code, index) => {
    const colour = hex(code);
    const by = index < 2 ? first : (other ?? first);
    return by === undefined ? colour : tint(colour, by, 0.75);
  }) as [Colour, Colour, Colour, Colour];
  const [night, body, bright, core] = stops;
  const second = blend(
    hex(random.pick(SECOND_GASES)),
    first ?? body,
    first === undefined ? 0.15 : 0.6,
  );
  const shiftX = random.next();
  const shiftY = random.next();
  const angle = random.between(-0.7, 0.7);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const starSeed = Math.floor(random.next() * 1e9);
  const lightAngle = random.between(-2.6, -0.6);
  const sunward: Colour = [Math.cos(lightAngle) * 0.8, Math.sin(lightAngle) * 0.8, 0.5];
  const worlds = createWorlds(context, stops);
  let time = 0;

  const nebula = (x: number, y: number, out: Float32Array) => {
    const u = (x * cos + y * sin) * 0.3 + shiftX + time * 0.0015;
    const v = (y * cos - x * sin) * 0.3 + shiftY;
    const wx = atlas.fractal(u * 1.3 + 0.2, v * 1.3);
    const wy = atlas.fractal(u * 1.3, v * 1.3 + 0.4);
    const veil = atlas.wisps(u + wx * 0.11, v + wy * 0.11);
    const fine = atlas.ridged(u * 1.9 + wy * 0.1, v * 1.9 - wx * 0.1);
    const across = (x - aspect / 2) * -sin + (y - 0.5) * cos;
    const band = Math.exp(-across * across * 5.5);
    const density = clamp(veil * 0.8 + 0.16 + band * 0.42 + fine * 0.2);
    const lanes = smooth(0.12, 0.62, atlas.ridged(u * 1.1 + 0.5 + wx * 0.12, v * 1.1 + 0.3)) * band;
    const glow = density * density * (1 - 0.7 * lanes);
    // Two gases: where one thins out the other begins.
    const other = smooth(-0.3, 0.4, atlas.fractal(u * 0.8 + 0.4, v * 0.8 + wx * 0.1));
    for (let channel = 0; channel < 3; channel += 1) {
      const gas = body[channel]! + (second[channel]! - body[channel]!) * other;
      out[channel] =
        out[channel]! * (1 - clamp(glow * 1.2)) +
        gas * glow * 1.75 +
        bright[channel]! * glow * glow * 0.95 +
        core[channel]! * glow ** 4 * 1.7;
    }
  };

  const stars = (x: number, y: number, pixel: number, out: Float32Array) => {
    for (let size = 0; size < 3; size += 1) {
      const cell = [0.011, 0.03, 0.14][size]!;
      const column = Math.floor(x / cell);
      const row = Math.floor(y / cell);
      const chance = hashCell(column, row, starSeed + size);
      if (chance > 0.5) continue;
      const px = (column + 0.25 + 0.5 * hashCell(column, row, starSeed + 7)) * cell;
      const py = (row + 0.25 + 0.5 * hashCell(column, row, starSeed + 13)) * cell;
      const dx = x - px;
      const dy = y - py;
      const width = Math.max(pixel * 0.62, [0.0006, 0.001, 0.0019][size]!);
      const near = (dx * dx + dy * dy) / (width * width);
      const shine = (1 - chance / 0.5) ** 2 * (0.8 + 0.2 * Math.sin(time * 2.5 + chance * 80));
      const dim = Math.min(1, ([0.0006, 0.001, 0.0019][size]! * 1.4) / width) ** 2;
      let light = near < 16 ? Math.exp(-near) * [0.8, 1.6, 3][size]! * (0.2 + shine) * dim : 0;
      // The brightest wear the four rays of a telescope.
      if (size === 2) {
        const rays =
          Math.exp(-Math.abs(dx) * 900) * Math.exp(-Math.abs(dy) * 60) +
          Math.exp(-Math.abs(dy) * 900) * Math.exp(-Math.abs(dx) * 60);
        light += (rays * 0.5 + Math.exp(-Math.sqrt(dx * dx + dy * dy) * 110) * 0.22) * shine;
      }
      const warm = hashCell(column, row, starSeed + 29);
      addInto(out, 0.75 + warm * 0.4, 0.88, 1.2 - warm * 0.5, light);
    }
  };

  const globe = (world: World, x: number, y: number, pixel: number, out: Float32Array) => {
    const dx = (x - world.x) / world.radius;
    const dy = (y - world.y) / world.radius;
    const distance = Math.sqrt(dx * dx + dy * dy);
    const rim = Math.exp(-Math.abs(distance - 1) * (distance > 1 ? 16 : 7));
    const facing = clamp(0.5 + (dx * sunward[0] + dy * sunward[1]) * 0.7);
    if (distance < 1 + pixel / world.radius) {
      const z = Math.sqrt(Math.max(0, 1 - distance * distance));
      const day = smooth(-0.12, 0.75, dx * sunward[0] + dy * sunward[1] + z * sunward[2]);
      // Around the globe: longitude turns with time, latitude stays.
      const longitude = Math.atan2(dx, z + 0.15) * 0.16 + time * 0.004;
      const swirl = atlas.fractal(longitude * 2 + world.row, dy * 0.35 + world.row);
      const pattern =
        world.bands > 0
          ? 0.5 + 0.5 * Math.sin(dy * world.bands + swirl * 2.6) * 0.75 + swirl * 0.3
          : smooth(
              -0.25,
              0.35,
              atlas.wisps(longitude * 1.5 + world.row, dy * 0.24 + world.row) + swirl * 0.3,
            );
      const cover = clamp((1 - distance) * (world.radius / pixel) + 0.5);
      const part = clamp(pattern);
      for (let channel = 0; channel < 3; channel += 1) {
        const ground = world.dark[channel]! + (world.light[channel]! - world.dark[channel]!) * part;
        const value = ground * (0.015 + day * 1.25);
        out[channel] = out[channel]! + (value - out[channel]!) * cover;
      }
    }
    addInto(out, world.air[0], world.air[1], world.air[2], rim * facing ** 2 * 0.85);
  };

  const ring = (
    world: World,
    isFront: boolean,
    x: number,
    y: number,
    pixel: number,
    out: Float32Array,
  ) => {
    if (world.ring === undefined) return;
    const { tilt, squash, colour } = world.ring;
    const dx = (x - world.x) / world.radius;
    const dy = (y - world.y) / world.radius;
    const along = dx * Math.cos(tilt) + dy * Math.sin(tilt);
    const across = (dy * Math.cos(tilt) - dx * Math.sin(tilt)) / squash;
    if (across > 0 !== isFront) return;
    const distance = Math.sqrt(along * along + across * across);
    const soft = pixel / world.radius / squash;
    const inside =
      smooth(1.28 - soft, 1.32 + soft, distance) * smooth(2.32 + soft, 2.26 - soft, distance);
    if (inside === 0) return;
    const grooves = 0.5 + 0.5 * atlas.fractal(distance * 1.1 + world.row, 0.37);
    const gap = 1 - smooth(0.035, 0.015, Math.abs(distance - 1.86)) * 0.9;
    const behind = along * sunward[0] < 0 && Math.abs(across * squash) < 0.9 && !isFront ? 0.35 : 1;
    mixInto(
      out,
      colour[0],
      colour[1],
      colour[2],
      inside * gap * (0.25 + grooves * 0.7) * behind * 0.9,
    );
  };

  return {
    setTime: (seconds) => void (time = seconds),
    shade: (x, y, pixel, out) => {
      out[0] = night[0];
      out[1] = night[1];
      out[2] = night[2];
      nebula(x, y, out);
      stars(x, y, pixel, out);
      for (const world of worlds) {
        ring(world, false, x, y, pixel, out);
        globe(world, x, y, pixel, out);
        ring(world, true, x, y, pixel, out);
      }
    },
  };
}

function createWorlds(
  context: SceneContext,
  colours: readonly [Colour, Colour, Colour, Colour],
): World[] {
  const { reading, aspect } = context;
  const random = createRandom(reading.seed ^ 0x5eed);
  const isGalaxy = reading.words.has('galaxy') || reading.words.has('nebula');
  const wanted = reading.things.has('planet')
    ? 2
    : isGalaxy && random.next() < 0.6
      ? 0
      : 1 + Math.floor(random.next() * 2);
  const side = random.next() < 0.5 ? 0.3 : 0.7;
  const [, body, bright, core] = colours;
  const reach = Math.min(1, aspect);
  return Array.from({ length: wanted }, (_, index) => {
    const isMain = index === wanted - 1;
    const radius = reach * (isMain ? random.between(0.17, 0.3) : random.between(0.03, 0.07));
    const hasRing =
      isMain && (reading.words.has('saturn') || reading.words.has('ring') || random.next() < 0.45);
    const dark = blend(body, bright, random.between(0.05, 0.5));
    return {
      x:
        aspect *
        (isMain ? side + random.between(-0.08, 0.08) : 1 - side + random.between(-0.12, 0.12)),
      y: isMain ? random.between(0.42, 0.68) : random.between(0.16, 0.36),
      radius: hasRing ? radius * 0.72 : radius,
      bands: random.next() < 0.55 || hasRing ? random.between(9, 20) : 0,
      light: blend(core, bright, random.between(0.1, 0.5)),
      dark: scale(dark, 0.6),
      air: blend(bright, body, 0.4),
      row: random.next(),
      ring: hasRing
        ? {
            tilt: random.between(-0.5, 0.5),
            squash: random.between(0.16, 0.34),
            colour: blend(core, bright, 0.35),
          }
        : undefined,
    };
  });
}
