// A picture while it is made: three numbers a pixel, and the few operations that every style needs.

export interface Raster {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue; row by row. */
  readonly data: Float32Array;
}

export const createRaster = (width: number, height: number): Raster => ({
  width,
  height,
  data: new Float32Array(width * height * 3),
});

/** Bilinear, by pixel centres. */
export function resize(from: Raster, width: number, height: number): Raster {
  const to = createRaster(width, height);
  const xs = axis(width, from.width);
  const ys = axis(height, from.height);
  for (let y = 0; y < height; y += 1) {
    const row0 = ys.low[y]! * from.width;
    const row1 = ys.high[y]! * from.width;
    const fy = ys.part[y]!;
    for (let x = 0; x < width; x += 1) {
      const fx = xs.part[x]!;
      const a = (row0 + xs.low[x]!) * 3;
      const b = (row0 + xs.high[x]!) * 3;
      const c = (row1 + xs.low[x]!) * 3;
      const d = (row1 + xs.high[x]!) * 3;
      const at = (y * width + x) * 3;
      for (let channel = 0; channel < 3; channel += 1) {
        const upper =
          from.data[a + channel]! + (from.data[b + channel]! - from.data[a + channel]!) * fx;
        const lower =
          from.data[c + channel]! + (from.data[d + channel]! - from.data[c + channel]!) * fx;
        to.data[at + channel] = upper + (lower - upper) * fy;
      }
    }
  }
  return to;
}

function axis(to: number, from: number) {
  const low = new Int32Array(to);
  const high = new Int32Array(to);
  const part = new Float32Array(to);
  for (let index = 0; index < to; index += 1) {
    const place = Math.max(0, Math.min(from - 1, ((index + 0.5) / to) * from - 0.5));
    low[index] = Math.floor(place);
    high[index] = Math.min(from - 1, low[index]! + 1);
    part[index] = place - low[index]!;
  }
  return { low, high, part };
}

/** Averages blocks: the way down to a much smaller picture without flicker. */
export function shrink(from: Raster, width: number, height: number): Raster {
  const to = createRaster(width, height);
  for (let y = 0; y < height; y += 1) {
    const top = Math.floor((y * from.height) / height);
    const bottom = Math.max(top + 1, Math.floor(((y + 1) * from.height) / height));
    for (let x = 0; x < width; x += 1) {
      const left = Math.floor((x * from.width) / width);
      const right = Math.max(left + 1, Math.floor(((x + 1) * from.width) / width));
      const at = (y * width + x) * 3;
      let [r, g, b] = [0, 0, 0];
      for (let row = top; row < bottom; row += 1) {
        for (let column = left; column < right; column += 1) {
          const source = (row * from.width + column) * 3;
          r += from.data[source]!;
          g += from.data[source + 1]!;
          b += from.data[source + 2]!;
        }
      }
      const share = 1 / ((bottom - top) * (right - left));
      to.data[at] = r * share;
      to.data[at + 1] = g * share;
      to.data[at + 2] = b * share;
    }
  }
  return to;
}

/** Three box blurs are nearly a Gaussian, at a cost that does not grow with the radius. */
export function blur(raster: Raster, radius: number): Raster {
  const size = Math.max(1, Math.round(radius));
  const other = createRaster(raster.width, raster.height);
  const data = raster.data.slice();
  for (let pass = 0; pass < 3; pass += 1) {
    boxLine(data, other.data, raster.height, raster.width, raster.width * 3, 3, size);
    boxLine(other.data, data, raster.width, raster.height, 3, raster.width * 3, size);
  }
  return { ...raster, data };
}

function boxLine(
  from: Float32Array,
  to: Float32Array,
  lines: number,
  length: number,
  lineStep: number,
  step: number,
  radius: number,
) {
  const share = 1 / (2 * radius + 1);
  for (let line = 0; line < lines; line += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      const start = line * lineStep + channel;
      const first = from[start]!;
      const last = from[start + (length - 1) * step]!;
      let sum = first * (radius + 1);
      for (let index = 0; index < radius; index += 1)
        sum += from[start + Math.min(index, length - 1) * step]!;
      for (let index = 0; index < length; index += 1) {
        const entering = index + radius < length ? from[start + (index + radius) * step]! : last;
        const leaving =
          index - radius - 1 >= 0 ? from[start + (index - radius - 1) * step]! : first;
        sum += entering - (index === 0 ? first : leaving);
        to[start + index * step] = sum * share;
      }
    }
  }
}
