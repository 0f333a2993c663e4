// Who a bot is: data. Twelve are known by name; a thirteenth is a line in the bots file that says how it differs.
import type { Modality } from '../../machines/contract/models.ts';

export const PLATFORMS = ['telegram', 'discord'] as const;
export type Platform = (typeof PLATFORMS)[number];
export type Kind = 'image' | 'video';

export interface Persona {
  /** `telegram-image-1`: also how its jobs' `origin` begins. */
  readonly bot: string;
  readonly platform: Platform;
  readonly modality: Kind;
  /** What it is called in its own texts. */
  readonly name: string;
  /** The catalogue key of its one-line description. */
  readonly about: string;
  /** Only these models, by id with `*`; empty: whatever is there. */
  readonly models: readonly string[];
  readonly defaults: {
    readonly model?: string;
    readonly count: number;
    readonly params: Readonly<Record<string, unknown>>;
  };
  readonly countMax: number;
  /** Whether a voice note is heard as a prompt. */
  readonly hears: boolean;
}

type Character = Pick<Persona, 'name' | 'about'> & {
  readonly params: Persona['defaults']['params'];
};

/** What sets the three of a kind apart: the shape of what they make. */
const CHARACTERS: Readonly<Record<Kind, readonly [Character, Character, Character]>> = {
  image: [
    { name: 'Easel', about: 'about-image-square', params: { width: 1024, height: 1024 } },
    { name: 'Portrait', about: 'about-image-tall', params: { width: 832, height: 1216 } },
    { name: 'Panorama', about: 'about-image-wide', params: { width: 1216, height: 832 } },
  ],
  video: [
    { name: 'Reel', about: 'about-video-square', params: { width: 512, height: 512, seconds: 3 } },
    { name: 'Story', about: 'about-video-tall', params: { width: 432, height: 768, seconds: 3 } },
    { name: 'Scene', about: 'about-video-wide', params: { width: 768, height: 432, seconds: 3 } },
  ],
};

export const BOT = /^(telegram|discord)-(image|video)-([1-9]\d{0,2})$/;

/** Null when the name says no platform, kind and number. */
export function personaOf(bot: string, changes: PersonaChanges = {}): Persona | null {
  const match = BOT.exec(bot);
  if (!match) return null;
  const modality = match[2] as Kind;
  const { params, ...character } = CHARACTERS[modality][(Number(match[3]) - 1) % 3]!;
  return {
    ...{ bot, platform: match[1] as Platform, modality, models: changes.models ?? [] },
    ...character,
    ...(changes.name === undefined ? {} : { name: changes.name }),
    defaults: {
      ...(changes.model === undefined ? {} : { model: changes.model }),
      count: changes.count ?? 1,
      params: { ...params, ...changes.params },
    },
    countMax: modality === 'image' ? 4 : 1,
    hears: changes.hears ?? true,
  };
}

/** What a line of the bots file may say. */
export interface PersonaChanges {
  readonly name?: string | undefined;
  readonly models?: readonly string[] | undefined;
  readonly model?: string | undefined;
  readonly count?: number | undefined;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly hears?: boolean | undefined;
}

export const isAllowed = ({ models }: Persona, id: string): boolean =>
  models.length === 0 ||
  models.some((pattern) =>
    pattern.endsWith('*') ? id.startsWith(pattern.slice(0, -1)) : id === pattern,
  );

/** What it makes, and what its results are. */
export const makes = (persona: Persona, modality: Modality): boolean =>
  persona.modality === modality;
