// The styles a person can choose, and the words of a prompt that mean one.

export const STYLES = [
  'natural',
  'oil',
  'watercolour',
  'ink',
  'neon',
  'paper-cut',
  'pixel',
  'engraving',
  'riso',
] as const;
export type Style = (typeof STYLES)[number];

const WORDS = new Map<string, Style>(
  Object.entries({
    oil: 'oil',
    painting: 'oil',
    impressionist: 'oil',
    impressionism: 'oil',
    gogh: 'oil',
    monet: 'oil',
    brush: 'oil',
    acrylic: 'oil',
    watercolour: 'watercolour',
    watercolor: 'watercolour',
    aquarelle: 'watercolour',
    gouache: 'watercolour',
    ink: 'ink',
    sumi: 'ink',
    calligraphy: 'ink',
    sketch: 'ink',
    drawing: 'ink',
    pencil: 'ink',
    neon: 'neon',
    synthwave: 'neon',
    vaporwave: 'neon',
    cyberpunk: 'neon',
    retrowave: 'neon',
    papercut: 'paper-cut',
    paper: 'paper-cut',
    origami: 'paper-cut',
    collage: 'paper-cut',
    pixel: 'pixel',
    pixelart: 'pixel',
    '8bit': 'pixel',
    '16bit': 'pixel',
    retro: 'pixel',
    engraving: 'engraving',
    etching: 'engraving',
    woodcut: 'engraving',
    vintage: 'engraving',
    riso: 'riso',
    risograph: 'riso',
    screenprint: 'riso',
    halftone: 'riso',
    comic: 'riso',
    poster: 'riso',
  }),
);

export const findStyle = (word: string): Style | undefined => WORDS.get(word);

export const isStyle = (name: string): name is Style =>
  (STYLES as readonly string[]).includes(name);
