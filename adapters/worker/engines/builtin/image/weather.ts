// Snow and rain before a scene: three sheets of flakes or streaks, the nearest largest and fastest.
import { hashCell } from '../random.ts';
import { blend, type Colour } from './colour.ts';
import { clamp, mixInto, smooth, type Scene, type SceneContext } from './scene.ts';

const SHEETS = 3;
/** How far rain leans, as a share of its fall. */
const SLANT = 0.16;

export function withWeather(scene: Scene, { reading, palette }: SceneContext): Scene {
  const { things, motif } = reading;
  const isOutside = motif !== 'space' && motif !== 'flow';
  const isSnowfall = things.has('snow');
  const isRain = !isSnowfall && things.has('rain');
  if (!isOutside || !(isSnowfall || isRain)) return scene;
  const colour = blend(palette.horizon, palette.sun, 0.35);
  const cover = isSnowfall ? flakes(reading.seed) : streaks(reading.seed);
  return overlay(scene, colour, isSnowfall ? 0.85 - palette.dark * 0.2 : 0.3, cover);
}

type Cover = (sheet: number, x: number, y: number, time: number, pixel: number) => number;

function overlay(scene: Scene, colour: Colour, strength: number, cover: Cover): Scene {
  let time = 0;
  return {
    ...scene,
    setTime: (seconds) => {
      time = seconds;
      scene.setTime(seconds);
    },
    shade: (x, y, pixel, out) => {
      scene.shade(x, y, pixel, out);
      for (let sheet = 0; sheet < SHEETS; sheet += 1) {
        const part = cover(sheet, x, y, time, pixel) * strength;
        if (part > 0) mixInto(out, colour[0], colour[1], colour[2], part);
      }
    },
  };
}

const flakes =
  (seed: number): Cover =>
  (sheet, x, y, time, pixel) => {
    const size = 0.0016 + sheet * 0.0013;
    const cell = 0.028 + sheet * 0.026;
    const fall = y - time * (0.05 + sheet * 0.035);
    const drift = x + Math.sin(time * 0.7 + sheet * 2 + fall * 5) * 0.012;
    const column = Math.floor(drift / cell);
    const row = Math.floor(fall / cell);
    const chance = hashCell(column, row, seed + sheet * 31);
    if (chance > 0.62) return 0;
    const px = (column + 0.25 + 0.5 * hashCell(column, row, seed + 5 + sheet)) * cell;
    const py = (row + 0.25 + 0.5 * hashCell(column, row, seed + 9 + sheet)) * cell;
    const radius = Math.max(size * (0.5 + chance), pixel * 0.6);
    return (
      smooth(radius * 1.5, radius * 0.4, Math.hypot(drift - px, fall - py)) * (0.95 - sheet * 0.16)
    );
  };

const streaks =
  (seed: number): Cover =>
  (sheet, x, y, time, pixel) => {
    const wide = 0.011 + sheet * 0.012;
    const tall = 0.16 + sheet * 0.12;
    const across = x + y * SLANT;
    const column = Math.floor(across / wide);
    const speed = 1.1 + sheet * 0.5 + 0.3 * hashCell(column, 3, seed);
    const fall = y - time * speed + hashCell(column, 7, seed + sheet) * tall;
    const row = Math.floor(fall / tall);
    const chance = hashCell(column, row, seed + sheet * 17);
    if (chance > 0.5) return 0;
    const middle = (column + 0.3 + 0.4 * hashCell(column, row, seed + 11)) * wide;
    const width = Math.max(0.0005 + sheet * 0.00035, pixel * 0.5);
    const along = (fall / tall - row - 0.15) / (0.35 + chance);
    if (along < 0 || along > 1) return 0;
    const line = clamp((width - Math.abs(across - middle)) / pixel + 0.5);
    return line * Math.sin(Math.PI * along) * (0.55 + sheet * 0.2);
  };
