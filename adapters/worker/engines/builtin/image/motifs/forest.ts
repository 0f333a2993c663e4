// Trunks behind trunks in the mist, light falling between them, moss or leaves on the ground.
import { hashCell } from '../../random.ts';
import { blend } from '../colour.ts';
import { createRidge, type Ridge } from '../ridge.ts';
import { addInto, clamp, mixInto, smooth, type Scene, type SceneContext } from '../scene.ts';

interface Row {
  /** 0 nearest, 1 farthest. */
  readonly distance: number;
  readonly spacing: number;
  readonly width: number;
  readonly seed: number;
  readonly shift: number;
  /** Where the ground begins, and where the leaves end. */
  readonly floor: Ridge;
  readonly canopy: Ridge;
}

const ROWS = 6;
/** The light falls before the rows behind this one. */
const RAYS_BEHIND = 3;

export function createForest(context: SceneContext): Scene {
  const { reading, palette, random, atlas, aspect } = context;
  const isDark = palette.dark > 0.5;
  const sunX = aspect * random.between(0.35, 0.65);
  const sunY = random.between(0.12, 0.3);
  const glow = blend(palette.horizon, palette.sun, 0.45);
  const mist = blend(palette.haze, palette.horizon, 0.35);
  const bark = blend(palette.near, palette.far, 0.12);
  const isBirch = reading.words.has('birch');
  const pale = blend(palette.horizon, palette.haze, 0.4);
  const leaf = blend(palette.leaf, palette.sun, 0.12);
  const moss = blend(palette.leaf, palette.near, 0.22);
  const path = blend(blend(palette.near, palette.haze, 0.55), palette.accent, 0.12);
  const shiftX = random.next();
  const shiftY = random.next();
  const bendAt = random.between(-0.5, 0.5);
  const hasPath = reading.words.has('path') || reading.words.has('trail') || random.next() < 0.7;
  const fireflies = isDark || reading.words.has('fairy') || reading.words.has('magic') ? 1 : 0;
  let time = 0;

  const rows: Row[] = Array.from({ length: ROWS }, (_, index) => {
    const distance = 1 - index / (ROWS - 1);
    const near = 1 - distance;
    const shift = random.next();
    const ground = 0.64 + near ** 1.7 * 0.33;
    const floor = (x: number) =>
      ground +
      0.02 * atlas.fractal(x * 0.3 + shift, shift) -
      near * 0.028 * atlas.ridged(x * 3.1 + shift, shift) -
      0.012 * atlas.fractal(x * 6.3, shift);
    const canopy = (x: number) => 0.16 + 0.16 * near + 0.2 * atlas.fractal(x * 0.32 + shift, shift);
    return {
      distance,
      spacing: 0.03 + near ** 1.5 * 0.24,
      width: 0.005 + near ** 2 * 0.05,
      seed: Math.floor(random.next() * 1e9),
      shift,
      floor: createRidge(aspect, floor),
      canopy: createRidge(aspect, canopy),
    };
  }).reverse();

  const background = (x: number, y: number, out: Float32Array) => {
    const away = Math.hypot((x - sunX) * 0.8, y - sunY);
    const light = Math.exp(-away * 2.3);
    const leaves = atlas.cells(x * 0.55 + shiftX, y * 0.55 + shiftY) - 0.45;
    const dapple = clamp(light + leaves * 0.22 * smooth(0.75, 0.1, y));
    for (let channel = 0; channel < 3; channel += 1) {
      const shade = mist[channel]! * 0.62 + moss[channel]! * 0.2;
      out[channel] = shade + (glow[channel]! * 1.15 - shade) * dapple;
    }
  };

  const trunkCover = (row: Row, x: number, y: number, pixel: number): number => {
    const cell = Math.floor(x / row.spacing);
    const reach = row.width * 2.6 + 0.04;
    let cover = 0;
    for (let column = cell - 1; column <= cell + 1; column += 1) {
      const stand = (column + 0.2 + 0.6 * hashCell(column, 2, row.seed)) * row.spacing;
      if (Math.abs(x - stand) > reach) continue;
      const chance = hashCell(column, 1, row.seed);
      if (chance < 0.16) continue;
      const sway = atlas.fractal(column * 0.37 + row.shift, y * 0.16 + row.shift) * row.width * 0.9;
      const lean = (hashCell(column, 4, row.seed) - 0.5) * 0.1 * (y - 0.7);
      const centre = stand + sway + lean;
      const foot = row.floor.at(centre);
      const drop = (x - centre) / (row.width * 1.6);
      if (y > foot + row.width * 0.45 * Math.max(0, 1 - drop * drop)) continue;
      const flare = 1 + 1.3 * Math.exp(-Math.max(0, foot - y) / (row.width * 0.9 + 0.004));
      const half = row.width * (0.32 + 0.4 * chance) * flare * (0.75 + 0.25 * y);
      const here = clamp((half - Math.abs(x - centre)) / pixel + 0.5);
      if (here <= cover) continue;
      cover = here;
      shade.side = (x - centre) / half;
      shade.id = column;
    }
    return cover;
  };

  const shade = { side: 0, id: 0 };
  const paintTrunk = (
    row: Row,
    x: number,
    y: number,
    cover: number,
    side: number,
    id: number,
    out: Float32Array,
  ) => {
    const air = row.distance ** 0.8 * 0.88;
    const toLight = clamp(0.5 + side * clamp((sunX - x) * 7, -1, 1) * 0.5);
    const furrows =
      0.75 + 0.5 * atlas.ridged((x / row.width) * 0.012 + id * 0.13, y * 0.7 + id * 0.29);
    const light = (0.25 + 0.95 * toLight ** 2) * furrows;
    const lines = isBirch ? smooth(0.18, 0.34, atlas.ridged(id * 0.31 + x * 0.2, y * 2.6)) : 1;
    for (let channel = 0; channel < 3; channel += 1) {
      const own = isBirch
        ? pale[channel]! * (1 - lines * 0.75) * (0.4 + toLight * 0.6)
        : bark[channel]! * light;
      const lit = own + glow[channel]! * toLight ** 3 * 0.09;
      const far =
        mist[channel]! * 0.8 +
        glow[channel]! * 0.25 * Math.exp(-Math.hypot(x - sunX, y - sunY) * 2.4);
      const value = lit + (far - lit) * air;
      out[channel] = out[channel]! + (value - out[channel]!) * cover;
    }
  };

  const paintGround = (
    row: Row,
    x: number,
    y: number,
    top: number,
    cover: number,
    out: Float32Array,
  ) => {
    const depth = y - top;
    const grain = atlas.fractal(
      x * (1.2 + row.distance * 2),
      y * (3 + row.distance * 6) + row.shift,
    );
    const tufts = atlas.ridged(x * 2.1 + row.shift, y * 3.4);
    const middle = aspect * 0.5 + Math.sin((1 - y) * 5 + bendAt) * bendAt * 0.25 * (1 - y);
    const wide = 0.012 + Math.max(0, y - 0.62) * 0.42;
    const onPath = hasPath ? smooth(1.15, 0.65, Math.abs(x - middle) / wide + grain * 0.25) : 0;
    const light = 0.62 + grain * 0.5 + tufts * 0.4 + 0.55 * Math.exp(-Math.abs(x - sunX) * 2.2);
    const air = row.distance * 0.72 + 0.12 * Math.exp(-depth * 18);
    for (let channel = 0; channel < 3; channel += 1) {
      const soil = moss[channel]! + (path[channel]! * 1.25 - moss[channel]!) * onPath;
      const own = soil * light;
      const value = own + (mist[channel]! * 0.85 - own) * air;
      out[channel] = out[channel]! + (value - out[channel]!) * cover;
    }
  };

  const leafCover = (row: Row, x: number, y: number): number => {
    const above = (row.canopy.at(x) - y) * 2.6;
    if (above < -0.7) return 0;
    const zoom = 0.7 + row.distance * 1.1;
    const drift = time * 0.0012;
    leaves.above = above;
    leaves.clumps = atlas.fractal(x * zoom * 1.3 + row.shift + drift, y * zoom * 1.3 + row.shift);
    leaves.fine = atlas.cells(x * zoom * 1.9 + row.shift + drift, y * zoom * 1.9);
    leaves.tiny = atlas.cells(x * zoom * 4.3 + drift * 2, y * zoom * 4.3 + row.shift);
    return smooth(0.02, 0.12, above + leaves.clumps * 1.05 - leaves.fine * 0.5 - leaves.tiny * 0.3);
  };

  const leaves = { above: 0, clumps: 0, fine: 0, tiny: 0 };
  const paintLeaves = (row: Row, x: number, y: number, cover: number, out: Float32Array) => {
    const { above, clumps, fine, tiny } = leaves;
    const zoom = 0.7 + row.distance * 1.1;
    const drift = time * 0.0012;
    const sun = Math.exp(-Math.hypot(x - sunX, y - sunY) * 3.2);
    const grain = atlas.ridged(x * zoom * 2.7 + drift, y * zoom * 2.7 + row.shift);
    const lit = clamp(
      0.4 +
        row.distance * 0.2 -
        fine * 0.3 -
        tiny * 0.35 +
        grain * 0.5 +
        sun * 0.8 -
        above * 0.16 +
        clumps * 0.3,
    );
    const air = row.distance ** 0.9 * 0.72;
    for (let channel = 0; channel < 3; channel += 1) {
      const dark = bark[channel]! * 0.35 + leaf[channel]! * 0.16;
      const own = dark + (leaf[channel]! * 1.05 + glow[channel]! * sun * 0.35 - dark) * lit;
      const far = mist[channel]! * 0.72 + leaf[channel]! * 0.25;
      const value = own + (far - own) * air;
      out[channel] = out[channel]! + (value - out[channel]!) * cover;
    }
  };

  const rays = (x: number, y: number, strength: number, out: Float32Array) => {
    const angle = Math.atan2(x - sunX, y + 0.25 - sunY * 0.4);
    const beams = smooth(
      0.02,
      0.5,
      atlas.fractal(angle * 0.55 + shiftX + time * 0.001, 0.21) + 0.12,
    );
    const fade = Math.exp(-Math.hypot(x - sunX, y - sunY) * 1.7) * smooth(0.98, 0.4, y);
    addInto(out, glow[0], glow[1], glow[2], beams * fade * strength);
  };

  const sparks = (x: number, y: number, out: Float32Array) => {
    const cell = 0.13;
    const column = Math.floor(x / cell);
    const line = Math.floor(y / cell);
    const chance = hashCell(column, line, 77);
    if (chance > 0.5 || y < 0.35) return;
    const px = (column + 0.5 + 0.1 * Math.sin(time * 0.7 + chance * 60)) * cell;
    const py = (line + 0.5 + 0.1 * Math.cos(time * 0.5 + chance * 90)) * cell;
    const far = Math.hypot(x - px, y - py);
    const pulse = 0.6 + 0.4 * Math.sin(time * 2 + chance * 40);
    addInto(
      out,
      1,
      0.85,
      0.4,
      (Math.exp(-far * 520) * 2.2 + Math.exp(-far * 90) * 0.3 * smooth(0.05, 0.02, far)) * pulse,
    );
  };

  /** From the eye into the depth, so that nothing is painted that something nearer hides. */
  const compose = (index: number, x: number, y: number, pixel: number, out: Float32Array): void => {
    const row = rows[index];
    if (row === undefined) return background(x, y, out);
    const leafPart = leafCover(row, x, y);
    if (leafPart === 1) return paintLeaves(row, x, y, 1, out);
    const { above, clumps, fine, tiny } = leaves;
    const trunkPart = trunkCover(row, x, y, pixel);
    const { side, id } = shade;
    const top = row.floor.at(x);
    const floorPart = clamp((y - top) / (pixel * 2) + 0.5);
    if (trunkPart < 1) {
      if (floorPart < 1) compose(index + 1, x, y, pixel, out);
      if (floorPart > 0) paintGround(row, x, y, top, floorPart, out);
    }
    if (trunkPart > 0) paintTrunk(row, x, y, trunkPart, side, id, out);
    if (leafPart > 0) {
      Object.assign(leaves, { above, clumps, fine, tiny });
      paintLeaves(row, x, y, leafPart, out);
    }
    if (index === RAYS_BEHIND) rays(x, y, isDark ? 0.3 : 0.42, out);
  };

  return {
    setTime: (seconds) => void (time = seconds),
    shade: (x, y, pixel, out) => {
      compose(0, x, y, pixel, out);
      rays(x, y, isDark ? 0.06 : 0.1, out);
      if (fireflies > 0) sparks(x, y, out);
      const low = smooth(0.5, 0.75, y) * smooth(0.95, 0.7, y);
      const drift = atlas.wisps(x * 0.35 + time * 0.004, y * 1.2 + shiftY);
      mixInto(
        out,
        mist[0],
        mist[1],
        mist[2],
        low * clamp(drift * 0.5 + 0.12) * (reading.things.has('fog') ? 1.3 : 0.7),
      );
    },
  };
}
