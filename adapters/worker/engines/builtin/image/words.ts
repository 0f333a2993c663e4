// Reading a prompt: known words choose the motif, the hour, the weather, the colours; every other word
// moves the composition. The lexicon is small and says so; it is not a language model.
import { hashText, mix } from '../random.ts';
import { hex, type Colour } from './colour.ts';
import { findStyle, type Style } from './style-names.ts';

export type Hour = 'dawn' | 'day' | 'sunset' | 'dusk' | 'night' | 'storm';
export type Season = 'spring' | 'summer' | 'autumn' | 'winter';

export const MOTIFS = [
  'mountains',
  'sea',
  'forest',
  'city',
  'space',
  'meadow',
  'desert',
  'flow',
] as const;
export type Motif = (typeof MOTIFS)[number];

export const THINGS = [
  'moon',
  'sun',
  'stars',
  'aurora',
  'snow',
  'rain',
  'fog',
  'clouds',
  'clear',
  'birds',
  'boat',
  'lake',
  'island',
  'planet',
  'trees',
  'lighthouse',
  'balloon',
  'castle',
  'house',
] as const;
export type Thing = (typeof THINGS)[number];

export interface Reading {
  readonly motif: Motif;
  readonly hour: Hour;
  readonly season: Season;
  readonly things: ReadonlySet<Thing>;
  /** The words themselves, for details only one motif cares about. */
  readonly words: ReadonlySet<string>;
  readonly colours: readonly Colour[];
  readonly style: Style | undefined;
  /** Everything else about the words, as one number. */
  readonly seed: number;
}

const MOTIF_WORDS: Record<Motif, string> = {
  mountains:
    'mountain peak alp alpine hill valley ridge summit himalaya cliff canyon volcano highland glacier fjord landscape lake valley matterhorn fuji',
  sea: 'sea ocean wave beach coast shore water sail boat ship island lighthouse surf harbor harbour bay marine whale pirate lagoon reef pier seaside',
  forest:
    'forest wood tree jungle grove pine birch woodland redwood bamboo deer fox wolf owl mushroom fairy elf trail path bear rabbit',
  city: 'city street skyline building tower town downtown skyscraper cyberpunk metropolis urban tokyo york london paris berlin bridge car traffic robot neon rooftop train',
  space:
    'space galaxy nebula planet star cosmos cosmic universe astronaut rocket saturn jupiter mars orbit asteroid alien comet starship spaceship supernova constellation',
  meadow:
    'meadow flower field garden rose tulip poppy daisy sunflower lavender grass bloom blossom bouquet butterfly bee prairie farm countryside cherry cow horse sheep cat dog',
  desert: 'desert dune sahara camel cactus oasis sand pyramid egypt arid savanna mesa',
  flow: 'abstract flow pattern marble dream music jazz fractal swirl emotion love chaos energy silk smoke fluid liquid paint psychedelic texture wallpaper mandala portrait face',
};

const HOUR_WORDS: Record<Hour, string> = {
  dawn: 'dawn sunrise morning daybreak early misty serene calm peaceful pastel soft gentle',
  day: 'day noon sunny bright midday afternoon summer cheerful happy fresh blue',
  sunset: 'sunset golden evening warm romantic epic dramatic glowing fiery burning',
  dusk: 'dusk twilight purple dreamy mystic mystical magical enchanted melancholy nostalgic surreal',
  night:
    'night midnight dark moonlit moonlight starry moon nocturnal neon aurora cyberpunk star gothic spooky lantern',
  storm:
    'storm stormy thunder rain rainy grey gray gloomy moody overcast tempest lightning sad foggy apocalyptic',
};

const SEASON_WORDS: Record<Season, string> = {
  spring: 'spring april may blossom cherry bloom tulip',
  summer: 'summer july august tropical',
  autumn: 'autumn fall october november maple harvest',
  winter: 'winter snow snowy december january ice icy frozen frost cold christmas glacier arctic',
};

const THING_WORDS: Partial<Record<Thing, string>> = {
  moon: 'moon moonlit moonlight lunar',
  sun: 'sun sunset sunrise',
  stars: 'star starry constellation',
  aurora: 'aurora borealis northern',
  snow: 'snow snowy snowfall blizzard snowing snowstorm',
  rain: 'rain rainy raining downpour',
  fog: 'fog foggy mist misty haze hazy smoke',
  clouds: 'cloud cloudy overcast storm stormy dramatic',
  clear: 'clear cloudless',
  birds: 'bird seagull gull eagle crow raven swallow flock crane geese',
  boat: 'boat ship sail sailing yacht sailboat pirate',
  lake: 'lake reflection pond fjord mirror river reflecting',
  island: 'island coast',
  planet: 'planet saturn jupiter ring mars',
  trees: 'tree forest pine spruce fir',
  lighthouse: 'lighthouse beacon',
  balloon: 'balloon',
  castle: 'castle fortress palace kingdom fairytale',
  house: 'house cabin cottage hut home chalet farm barn',
};

// A map, not an object: `constructor` is a word too.
const COLOURS = new Map(
  Object.entries({
    red: '#d8342c',
    crimson: '#b01030',
    scarlet: '#e0301e',
    ruby: '#a8123e',
    orange: '#f0821e',
    amber: '#f5a623',
    gold: '#e8b23a',
    golden: '#e8b23a',
    yellow: '#f2d13c',
    lemon: '#f4e04d',
    lime: '#9fd03a',
    green: '#3a9a4a',
    emerald: '#16935f',
    jade: '#2fa37b',
    olive: '#7d8033',
    mint: '#9fe0c0',
    teal: '#128a8a',
    turquoise: '#2bc4bd',
    cyan: '#1fb6d9',
    azure: '#2f8fe0',
    blue: '#2a5fd0',
    navy: '#16265c',
    indigo: '#3f37a8',
    sapphire: '#1c4fb0',
    violet: '#7a3fc0',
    purple: '#7b35a8',
    lavender: '#b49be0',
    lilac: '#c3a6dd',
    magenta: '#d02a90',
    pink: '#f07aa8',
    rose: '#e0607a',
    coral: '#f5735a',
    peach: '#f9b48f',
    brown: '#7a4a2a',
    copper: '#b8693a',
    bronze: '#9a6b34',
    silver: '#b9c2cc',
    white: '#f2f2ee',
    black: '#15151a',
    grey: '#8a8f96',
    gray: '#8a8f96',
    cream: '#f2e6c8',
  }),
);

export function readPrompt(prompt: string, seed: number): Reading {
  const words = wordsOf(prompt);
  const own = mix(hashText(words.join(' ')) ^ mix(seed));
  const choose = <T>(from: readonly T[], salt: number) => from[mix(own + salt) % from.length]!;
  const things = new Set<Thing>();
  for (const [thing, list] of Object.entries(THING_WORDS)) {
    if (score(words, list) > 0) things.add(thing as Thing);
  }
  const motif = best(words, MOTIF_WORDS) ?? choose(MOTIFS, 1);
  const usual: Hour[] =
    motif === 'city'
      ? ['dusk', 'night', 'sunset']
      : ['dawn', 'day', 'sunset', 'dusk', 'sunset', 'dawn'];
  return {
    motif,
    hour: motif === 'space' ? 'night' : (best(words, HOUR_WORDS) ?? choose(usual, 2)),
    season: best(words, SEASON_WORDS) ?? 'summer',
    things,
    words: new Set(words),
    colours: words
      .flatMap((word) => COLOURS.get(word) ?? [])
      .slice(0, 3)
      .map(hex),
    style: words.map(findStyle).find((style) => style !== undefined),
    seed: own,
  };
}

/** Lower case, without accents and plural endings. */
function wordsOf(prompt: string): string[] {
  const plain = prompt.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return (plain.match(/[\p{L}\p{N}]+/gu) ?? []).map((word) => {
    if (/(ss|us|is|paris)$/.test(word) || word.length < 4) return word;
    return word
      .replace(/ies$/, 'y')
      .replace(/(ch|sh|x)es$/, '$1')
      .replace(/s$/, '');
  });
}

function score(words: readonly string[], list: string): number {
  const known = list.split(' ');
  // The first noun of a prompt is usually what it is about.
  return words.reduce((sum, word, at) => sum + (known.includes(word) ? 1 + 1 / (2 + at) : 0), 0);
}

function best<T extends string>(words: readonly string[], lists: Record<T, string>): T | undefined {
  let found: T | undefined;
  let most = 0;
  for (const [name, list] of Object.entries(lists) as [T, string][]) {
    const points = score(words, list);
    if (points > most) [found, most] = [name, points];
  }
  return found;
}
