// What an operator says about content: a file that is read again when it has changed. Without it the rules of the
// house hold, and everybody is of the audience `general`.
import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import houseRules from '../../machines/content/house-rules.json' with { type: 'json' };
import { levels, type Levels } from '../../machines/content/audience.ts';
import { pictureBounds, type PictureBounds } from '../../machines/content/looks.ts';
import { ruleSet, TextRules } from '../../machines/content/rules.ts';
import type { Clock } from '../clock.ts';
import { BadConfig } from '../config.ts';

const LOOK_AGAIN_MS = 5_000;

const file = z.strictObject({
  /** In the place of the rules of the house. */
  rules: ruleSet.optional(),
  levels: levels.optional(),
  pictures: pictureBounds.optional(),
});

export interface Said {
  readonly rules: TextRules;
  readonly levels: Levels;
  readonly pictures: PictureBounds;
}

/** Where an operator says nothing. */
export const HOUSE: Said = {
  rules: new TextRules(ruleSet.parse(houseRules)),
  levels: levels.parse({}),
  pictures: pictureBounds.parse({}),
};

interface Seams {
  readonly path: string;
  /** Somebody named the file: then it has to be there. */
  readonly isNamed: boolean;
  readonly clock: Clock;
  readonly log: (message: string) => void;
}

export class PolicyFile {
  readonly #seams: Seams;
  #said: Said;
  #stamp: string | null;
  #lookAt: number;

  private constructor(seams: Seams, said: Said, stamp: string | null) {
    this.#seams = seams;
    this.#said = said;
    this.#stamp = stamp;
    this.#lookAt = seams.clock.now() + LOOK_AGAIN_MS;
  }

  /** @throws BadConfig with a line for each mistake */
  static async open(seams: Seams): Promise<PolicyFile> {
    const stamp = await stampOf(seams.path);
    if (stamp === null && seams.isNamed)
      throw new BadConfig(
        `The rules for content cannot be read from ${seams.path}. Mend the file, or TESSERA_CONTENT.`,
      );
    return new PolicyFile(seams, stamp === null ? HOUSE : await read(seams.path), stamp);
  }

  /** A file that has become bad changes nothing: the log says what is wrong with it. */
  async current(): Promise<Said> {
    const { clock, path, log } = this.#seams;
    if (clock.now() < this.#lookAt) return this.#said;
    this.#lookAt = clock.now() + LOOK_AGAIN_MS;
    const stamp = await stampOf(path);
    if (stamp === this.#stamp) return this.#said;
    this.#stamp = stamp;
    try {
      this.#said = stamp === null ? HOUSE : await read(path);
      log(`content: ${stamp === null ? 'the rules of the house hold again' : `${path} was read`}`);
    } catch (error) {
      log(`content: ${(error as Error).message} What was said before still holds.`);
    }
    return this.#said;
  }
}

const stampOf = (path: string): Promise<string | null> =>
  stat(path).then(
    ({ mtimeMs, size }) => `${mtimeMs}:${size}`,
    () => null,
  );

async function read(path: string): Promise<Said> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new BadConfig(`${path} cannot be read (${error.code}).`);
  });
  return parsePolicy(text, path);
}

/** @throws BadConfig */
export function parsePolicy(text: string, path: string): Said {
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
        .map(({ path: at, message }) => `${path}: ${[at.join('.'), message].join(' ').trim()}.`)
        .join('\n'),
    );
  const { rules, levels: said, pictures } = parsed.data;
  return {
    rules: rules ? new TextRules(rules) : HOUSE.rules,
    levels: said ?? HOUSE.levels,
    pictures: pictures ?? HOUSE.pictures,
  };
}
