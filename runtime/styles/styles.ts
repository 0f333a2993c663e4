// Named styles, read once at the start, and what a request becomes by one.
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import type { JobRequest } from '../../machines/contract/requests.ts';
import {
  namedStyle,
  PLACE,
  type NamedStyle,
  type StyleListView,
} from '../../machines/contract/styles.ts';
import { BadConfig } from '../config.ts';
import { invalid } from '../refusals.ts';
import { HOUSE_STYLES } from './house.ts';

const STYLES_MAX = 200;
const file = z.array(namedStyle, 'must be a list of styles').max(STYLES_MAX);

/** What is asked for when the style has had its say. */
export interface Styled {
  readonly prompt: string;
  readonly params: JobRequest['params'];
}

export class Styles {
  readonly #styles: ReadonlyMap<string, NamedStyle>;

  constructor(styles: readonly NamedStyle[]) {
    this.#styles = new Map(styles.map((style) => [style.id, style]));
  }

  view(): StyleListView {
    const data = [...this.#styles.values()].map(({ id, name, description = null, recipes }) => ({
      ...{ id, object: 'style' as const, name, description, recipes },
    }));
    return { object: 'list', data };
  }

  /** @throws Refused when there is no such style for this modality */
  applied({ style, modality, prompt = '', params }: JobRequest): Styled {
    if (style === undefined) return { prompt, params };
    const recipes = this.#styles.get(style)?.recipes;
    const recipe = modality === 'transcript' ? undefined : recipes?.[modality];
    if (!recipe)
      throw invalid(`There is no style "${style}" for ${modality}. ${this.#known(modality)}`, [
        { at: '/style', reason: 'is not known for this modality' },
      ]);
    const usual = recipe.params ?? {};
    const own = params['negative_prompt'];
    // Who asks once more for what they got has its words among theirs already.
    const unwanted = [
      own,
      String(own).endsWith(recipe.negative_prompt ?? '') ? '' : recipe.negative_prompt,
    ];
    return {
      // A function, so that a dollar sign of theirs means itself.
      prompt: recipe.prompt?.replace(PLACE, () => prompt) ?? prompt,
      params: {
        ...usual,
        ...params,
        ...(recipe.negative_prompt === undefined
          ? {}
          : { negative_prompt: unwanted.filter(Boolean).join(', ') }),
      },
    };
  }

  #known(modality: JobRequest['modality']): string {
    const known = [...this.#styles.values()]
      .filter(({ recipes }) => modality in recipes)
      .map(({ id }) => id);
    return known.length === 0 ? 'It has none.' : `Its styles are ${known.join(', ')}.`;
  }
}

export const houseStyles = new Styles(HOUSE_STYLES);

/**
 * @param path of the file; where it is missing those of the house hold, unless somebody named it
 * @throws BadConfig
 */
export function readStyles(path: string, isNamed: boolean): Styles {
  if (!isNamed && !existsSync(path)) return houseStyles;
  try {
    return parseStyles(readFileSync(path, 'utf8'), path);
  } catch (error) {
    if (error instanceof BadConfig) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new BadConfig(
      `The styles cannot be read from ${path} (${code}). Mend the file, or TESSERA_STYLES.`,
    );
  }
}

/** @throws BadConfig with a line for each mistake */
export function parseStyles(text: string, path: string): Styles {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BadConfig(`${path} is not JSON: ${(error as Error).message}.`);
  }
  const parsed = file.safeParse(value);
  if (!parsed.success)
    throw new BadConfig(
      parsed.error.issues
        .map(({ path: at, message }) => `${path}: ${at.join('.') || 'the whole'}: ${message}.`)
        .join('\n'),
    );
  const ids = parsed.data.map(({ id }) => id);
  const twice = ids.find((id, n) => ids.indexOf(id) !== n);
  if (twice !== undefined) throw new BadConfig(`${path}: the style "${twice}" is there twice.`);
  return new Styles(parsed.data);
}
