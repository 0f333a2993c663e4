// Sizes a person can choose: a shape and an amount of detail. Sides are multiples of 64, because
// image models work in blocks of that size.
export interface Shape {
  readonly id: string;
  readonly label: string;
  readonly ratio: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export const SHAPES: readonly Shape[] = [
  { id: '1:1', label: 'Square', ratio: 1 },
  { id: '4:5', label: 'Portrait', ratio: 4 / 5 },
  { id: '2:3', label: 'Tall', ratio: 2 / 3 },
  { id: '9:16', label: 'Phone', ratio: 9 / 16 },
  { id: '4:3', label: 'Classic', ratio: 4 / 3 },
  { id: '3:2', label: 'Photo', ratio: 3 / 2 },
  { id: '16:9', label: 'Wide', ratio: 16 / 9 },
];

/** Sides of the square with as many pixels. */
export const DETAILS = [
  { side: 512, label: 'Small' },
  { side: 768, label: 'Medium' },
  { side: 1024, label: 'Large' },
  { side: 1536, label: 'Huge' },
] as const;

const BLOCK = 64;
const SIDE_MIN = 64;
const SIDE_MAX = 8192;

const toBlock = (value: number): number =>
  Math.min(SIDE_MAX, Math.max(SIDE_MIN, Math.round(value / BLOCK) * BLOCK));

export function sizeOf(shape: Shape, side: number, pixelsMax = Infinity): Size {
  const size = {
    width: toBlock(side * Math.sqrt(shape.ratio)),
    height: toBlock(side / Math.sqrt(shape.ratio)),
  };
  return fitPixels(size, pixelsMax);
}

/** The same shape within the limit: rounding up may have gone a block too far. */
export function fitPixels({ width, height }: Size, pixelsMax: number): Size {
  if (width * height <= pixelsMax) return { width, height };
  const factor = Math.sqrt(pixelsMax / (width * height));
  const floor = (side: number) => Math.max(SIDE_MIN, Math.floor((side * factor) / BLOCK) * BLOCK);
  return { width: floor(width), height: floor(height) };
}

/** The chips that stand for a size: the nearest shape and detail. */
export function nearest({ width, height }: Size): { readonly shape: Shape; readonly side: number } {
  const distance = (ratio: number) => Math.abs(Math.log(width / height / ratio));
  const shape = SHAPES.reduce((a, b) => (distance(b.ratio) < distance(a.ratio) ? b : a));
  const exact = Math.sqrt(width * height);
  const detail = DETAILS.reduce((a, b) =>
    Math.abs(b.side - exact) < Math.abs(a.side - exact) ? b : a,
  );
  return { shape, side: detail.side };
}
