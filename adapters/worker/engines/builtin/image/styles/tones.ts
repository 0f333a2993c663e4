// Light and edges of a picture: what several styles begin with.
import type { Raster } from '../raster.ts';

export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

export function lightOf({ width, height, data }: Raster): Plane {
  const light = new Float32Array(width * height);
  for (let at = 0; at < light.length; at += 1) {
    light[at] = data[at * 3]! * 0.3 + data[at * 3 + 1]! * 0.59 + data[at * 3 + 2]! * 0.11;
  }
  return { width, height, data: light };
}

/** Three box blurs of one plane; `radius` in pixels. */
export function blurPlane(plane: Plane, radius: number): Plane {
  const size = Math.max(1, Math.round(radius));
  const { width, height } = plane;
  let from = plane.data.slice();
  let to = new Float32Array(from.length);
  for (let pass = 0; pass < 6; pass += 1) {
    const isAcross = pass % 2 === 0;
    const lines = isAcross ? height : width;
    const length = isAcross ? width : height;
    const step = isAcross ? 1 : width;
    for (let line = 0; line < lines; line += 1)
      blurLine(from, to, line * (isAcross ? width : 1), step, length, size);
    [from, to] = [to, from];
  }
  return { ...plane, data: from };
}

function blurLine(
  from: Float32Array,
  to: Float32Array,
  start: number,
  step: number,
  length: number,
  radius: number,
) {
  const last = length - 1;
  let sum = from[start]! * (radius + 1);
  for (let index = 0; index < radius; index += 1)
    sum += from[start + Math.min(index, last) * step]!;
  for (let index = 0; index < length; index += 1) {
    sum +=
      from[start + Math.min(index + radius, last) * step]! -
      from[start + Math.max(index - radius - 1, 0) * step]!;
    to[start + index * step] = sum / (2 * radius + 1);
  }
}

/** Dark lines where light changes: the difference of two blurs, sharpened. 1 is no line, 0 is ink. */
export function outlines(light: Plane, radius: number, strength: number): Plane {
  const fine = blurPlane(light, radius);
  const wide = blurPlane(light, radius * 1.8 + 1);
  const data = new Float32Array(light.data.length);
  for (let at = 0; at < data.length; at += 1) {
    const change = fine.data[at]! - wide.data[at]!;
    data[at] = change > 0 ? 1 : Math.max(0, 1 + Math.tanh(change * strength));
  }
  return { ...light, data };
}

export function slopeAt(
  { width, height, data }: Plane,
  x: number,
  y: number,
): readonly [number, number] {
  const left = Math.max(0, x - 1);
  const right = Math.min(width - 1, x + 1);
  const top = Math.max(0, y - 1);
  const bottom = Math.min(height - 1, y + 1);
  return [
    data[y * width + right]! - data[y * width + left]!,
    data[bottom * width + x]! - data[top * width + x]!,
  ];
}
