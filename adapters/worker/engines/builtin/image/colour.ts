// Colours in linear light, and mixing them the way an eye expects (OKLab).

/** Linear red, green, blue; 1 is white, more than 1 is light that will glow. */
export type Colour = readonly [number, number, number];

export const toLinear = (value: number) =>
  value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
export const toDisplay = (value: number) =>
  value <= 0.0031308 ? value * 12.92 : 1.055 * value ** (1 / 2.4) - 0.055;

export function hex(code: string): Colour {
  const value = Number.parseInt(code.slice(1), 16);
  return [
    toLinear(((value >> 16) & 255) / 255),
    toLinear(((value >> 8) & 255) / 255),
    toLinear((value & 255) / 255),
  ];
}

export type Lab = readonly [number, number, number];

export function toLab([r, g, b]: Colour): Lab {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

export function fromLab([L, a, b]: Lab): Colour {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    Math.max(0, 4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    Math.max(0, -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    Math.max(0, -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

export function blend(from: Colour, to: Colour, part: number): Colour {
  const a = toLab(from);
  const b = toLab(to);
  return fromLab([
    a[0] + (b[0] - a[0]) * part,
    a[1] + (b[1] - a[1]) * part,
    a[2] + (b[2] - a[2]) * part,
  ]);
}

export const scale = ([r, g, b]: Colour, by: number): Colour => [r * by, g * by, b * by];

/** Takes the hue of `towards`, keeps most of the lightness: how a colour word tints a palette. */
export function tint(colour: Colour, towards: Colour, part: number): Colour {
  const own = toLab(colour);
  const aim = toLab(towards);
  return fromLab([
    own[0] + (aim[0] - own[0]) * part * 0.25,
    own[1] + (aim[1] - own[1]) * part,
    own[2] + (aim[2] - own[2]) * part,
  ]);
}

/** A gradient of many stops as a table: 3 numbers per entry. */
export function gradient(stops: readonly (readonly [number, Colour])[], size = 512): Float32Array {
  const table = new Float32Array(size * 3);
  for (let index = 0; index < size; index += 1) {
    const at = index / (size - 1);
    const upper = Math.max(
      1,
      stops.findIndex(([position]) => position >= at),
    );
    const [from, start] = stops[upper - 1]!;
    const [to, end] = stops[upper]!;
    const part = Math.min(1, Math.max(0, (at - from) / (to - from)));
    table.set(blend(start, end, part * part * (3 - 2 * part)), index * 3);
  }
  return table;
}
