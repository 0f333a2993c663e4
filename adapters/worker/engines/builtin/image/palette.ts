// The light of a scene: what the sky, the land and the sun look like at an hour and in a season.
import { blend, hex, scale, tint, type Colour } from './colour.ts';
import type { Hour, Reading, Season } from './words.ts';

export interface Palette {
  readonly zenith: Colour;
  readonly sky: Colour;
  readonly horizon: Colour;
  readonly sun: Colour;
  readonly haze: Colour;
  readonly far: Colour;
  readonly near: Colour;
  readonly leaf: Colour;
  readonly water: Colour;
  readonly accent: Colour;
  /** 0 at noon, 1 in the dark: lamps are lit and stars come out. */
  readonly dark: number;
}

type Codes = readonly [
  zenith: string,
  sky: string,
  horizon: string,
  sun: string,
  haze: string,
  far: string,
  near: string,
  water: string,
  accent: string,
];

const HOURS: Record<Hour, { readonly codes: Codes; readonly dark: number }> = {
  dawn: {
    codes: [
      '#41598f',
      '#a48fbd',
      '#ffcfa6',
      '#fff0d2',
      '#efbfae',
      '#9a93b6',
      '#2f3550',
      '#7d92b5',
      '#ff9a76',
    ],
    dark: 0.15,
  },
  day: {
    codes: [
      '#2468b4',
      '#69afe4',
      '#dcedf3',
      '#fff8e4',
      '#b3d2ea',
      '#5f8db5',
      '#28503f',
      '#2b84a5',
      '#f5b63f',
    ],
    dark: 0,
  },
  sunset: {
    codes: [
      '#28285c',
      '#b04a78',
      '#ffae54',
      '#fff1c4',
      '#f39268',
      '#91506f',
      '#21162f',
      '#8a4868',
      '#ffd166',
    ],
    dark: 0.3,
  },
  dusk: {
    codes: [
      '#151b45',
      '#54458a',
      '#f0a08c',
      '#ffd6ae',
      '#8f6f9f',
      '#5b4f86',
      '#17142b',
      '#4a4480',
      '#ff8fa3',
    ],
    dark: 0.6,
  },
  night: {
    codes: [
      '#040817',
      '#0d2146',
      '#2f5585',
      '#f6f1da',
      '#274569',
      '#1d3659',
      '#050a16',
      '#123055',
      '#ffd27a',
    ],
    dark: 1,
  },
  storm: {
    codes: [
      '#20262f',
      '#46525e',
      '#a3afb0',
      '#f1efe2',
      '#8b989d',
      '#59676f',
      '#1a2126',
      '#3d4e58',
      '#e8c468',
    ],
    dark: 0.35,
  },
};

const LEAVES: Record<Season, string> = {
  spring: '#7fb055',
  summer: '#3f7a3a',
  autumn: '#d9601a',
  winter: '#dfe8f0',
};

export function createPalette(reading: Reading): Palette {
  const { codes, dark } = HOURS[reading.hour];
  const [zenith, sky, horizon, sun, haze, far, near, water, accent] = codes.map(hex) as unknown as [
    Colour,
    Colour,
    Colour,
    Colour,
    Colour,
    Colour,
    Colour,
    Colour,
    Colour,
  ];
  // The light of the hour falls on the leaves too.
  const leaf = blend(hex(LEAVES[reading.season]), near, 0.25 + dark * 0.55);
  const [first, second, third] = reading.colours;
  const tinted = (colour: Colour, by: Colour | undefined, part: number) =>
    by === undefined ? colour : tint(colour, by, part);
  return {
    zenith: tinted(zenith, first, 0.75),
    sky: tinted(sky, first, 0.7),
    horizon: tinted(horizon, second ?? first, 0.5),
    sun: tinted(sun, second, 0.35),
    haze: tinted(haze, second ?? first, 0.55),
    far: tinted(far, first, 0.6),
    near: tinted(near, second ?? first, 0.4),
    leaf: tinted(leaf, third ?? second ?? first, 0.6),
    water: tinted(water, first, 0.6),
    accent: second ?? first ?? scale(accent, 1),
    dark,
  };
}
