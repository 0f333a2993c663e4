// Everything a bot says, in the languages there are: one Fluent catalogue, each message by its key. What a language
// lacks is said in English, and a test says what that is. Words of strangers are tamed on their way in: control
// characters that turn text around are taken out, and right-to-left words are kept apart from what is beside them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FluentBundle, FluentResource, type FluentVariable } from '@fluent/bundle';

export const LANGUAGES = ['en', 'de', 'es'] as const;
export type Language = (typeof LANGUAGES)[number];

/** As people call their own. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = {
  en: 'English',
  de: 'Deutsch',
  es: 'Español',
};

export type Values = Readonly<Record<string, FluentVariable>>;

export const sourceOf = (language: Language): string =>
  readFileSync(join(import.meta.dirname, `${language}.ftl`), 'utf8');

export class Texts {
  readonly #bundles: readonly FluentBundle[];
  readonly language: string;

  constructor(language: string, sources: readonly string[]) {
    this.language = language;
    this.#bundles = sources.map((source) => {
      const bundle = new FluentBundle(language, { useIsolating: false });
      const [error] = bundle.addResource(new FluentResource(source));
      if (error) throw error;
      return bundle;
    });
  }

  /** @throws when no language has the key, or a value is missing: an error of ours */
  say(key: string, values: Values = {}): string {
    for (const bundle of this.#bundles) {
      const pattern = bundle.getMessage(key)?.value;
      if (pattern === undefined || pattern === null) continue;
      return bundle.formatPattern(pattern, tame(values));
    }
    throw new Error(`There is no text ${key}.`);
  }

  has(key: string): boolean {
    return this.#bundles.some((bundle) => bundle.hasMessage(key));
  }

  /** 1500 is "1.5 tokens". */
  tokens(millitokens: number): string {
    const n = millitokens / 1000;
    const shown = new Intl.NumberFormat(this.language, { maximumFractionDigits: 2 }).format(n);
    return this.say('unit-tokens', { n, shown });
  }

  /** "40 s", "12 min", "2 h 5 min", as people of the language write it. */
  span(seconds: number): string {
    const unit = (value: number, name: 'second' | 'minute' | 'hour') =>
      new Intl.NumberFormat(this.language, {
        style: 'unit',
        unit: name,
        unitDisplay: 'short',
      }).format(value);
    const whole = Math.max(1, Math.ceil(seconds));
    if (whole < 90) return unit(whole, 'second');
    const minutes = Math.ceil(whole / 60);
    if (minutes < 90) return unit(minutes, 'minute');
    const rest = minutes % 60;
    const hours = unit(Math.floor(minutes / 60), 'hour');
    return rest === 0 ? hours : `${hours} ${unit(rest, 'minute')}`;
  }

  /** "at 00:00 UTC, in 3 h 5 min" */
  moment(at: string, now: number): string {
    const date = new Date(at);
    const time = date.toISOString().slice(11, 16);
    return this.say('time-at', { time, wait: this.span((date.getTime() - now) / 1000) });
  }
}

// What turns the direction of text around, and what is not seen at all.
const UNRULY = /[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** Words of strangers, as they may stand in a text of ours. */
export function tamed(text: string): string {
  const plain = text.replace(UNRULY, '');
  return RIGHT_TO_LEFT.test(plain) ? `\u2068${plain}\u2069` : plain;
}

const tame = (values: Values): Record<string, FluentVariable> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === 'string' ? tamed(value) : value,
    ]),
  );

const known = new Map<Language, Texts>();

/** `pt-BR` where there is only `pt` is `pt`; what is unknown is English. */
export function textsFor(code: string | null | undefined): Texts {
  const wanted = (code ?? '').toLowerCase().split(/[-_]/, 1)[0];
  const language = LANGUAGES.find((each) => each === wanted) ?? 'en';
  const found = known.get(language);
  if (found) return found;
  const english = language === 'en' ? [] : [sourceOf('en')];
  const texts = new Texts(language, [sourceOf(language), ...english]);
  known.set(language, texts);
  return texts;
}
