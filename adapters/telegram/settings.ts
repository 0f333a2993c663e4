// /settings and /language: what the next prompts are made with, as one message with buttons.
import { modelsOf } from '../bots/requests.ts';
import { LANGUAGES, LANGUAGE_NAMES } from '../bots/texts/texts.ts';
import type { MeaningInput } from '../bots/meanings.ts';
import type { Desk, Visitor } from './desk.ts';
import type { Button, Rows } from './keyboards.ts';

export interface Menu {
  readonly text: string;
  readonly rows: Rows;
}

const IN_A_ROW = 3;
const CHOICES_MAX = 24;
const SHAPES = ['square', 'tall', 'wide'] as const;

/** @param shown what is being chosen; empty: all that can be */
export async function settingsMenu(desk: Desk, visitor: Visitor, shown = ''): Promise<Menu> {
  if (shown === 'language') return languageMenu(visitor);
  const choices = await choicesOf(desk, visitor, shown);
  return choices ?? overview(desk, visitor);
}

async function overview(desk: Desk, { texts, person }: Visitor): Promise<Menu> {
  const chosen = await desk.chosen(person);
  const { persona } = desk;
  const lines: readonly (readonly [string, string])[] = [
    ['model', chosen.model ?? persona.defaults.model ?? texts.say('setting-auto')],
    ...(persona.countMax > 1
      ? [['count', String(chosen.count ?? persona.defaults.count)] as const]
      : []),
    ['shape', texts.say(`shape-${chosen.shape ?? 'default'}`)],
    ['style', chosen.style ?? texts.say('setting-none')],
  ];
  const buttons: Button[] = lines.map(([name, value]) => ({
    text: texts.say(`setting-${name}`, { value }),
    meaning: { do: 'choose', name },
  }));
  const { seed } = chosen;
  const forget: Button = {
    text: texts.say('setting-forget-seed'),
    meaning: { do: 'set', name: 'seed', value: null },
  };
  const said = seed === undefined ? [] : [texts.say('setting-seed', { value: String(seed) })];
  return {
    text: [texts.say('settings-title'), ...said].join('\n'),
    rows: [...buttons.map((each) => [each]), ...(seed === undefined ? [] : [[forget]])],
  };
}

async function choicesOf(desk: Desk, { texts }: Visitor, name: string): Promise<Menu | null> {
  const { persona } = desk;
  const models = modelsOf(persona, await desk.models());
  const set = (
    text: string,
    what: Extract<MeaningInput, { do: 'set' }>['name'],
    value: string | number | null,
  ) => ({ text, meaning: { do: 'set', name: what, value } }) satisfies Button;
  const lists: Readonly<Record<string, readonly Button[]>> = {
    model: [
      set(texts.say('setting-auto'), 'model', null),
      ...models.map(({ id, name: called }) => set(called, 'model', id)),
    ],
    count: Array.from({ length: persona.countMax }, (_, n) => set(String(n + 1), 'count', n + 1)),
    shape: [
      set(texts.say('shape-default'), 'shape', null),
      ...SHAPES.map((shape) => set(texts.say(`shape-${shape}`), 'shape', shape)),
    ],
    style: [
      set(texts.say('setting-none'), 'style', null),
      ...[...new Set(models.flatMap(({ styles }) => styles))].map((style) =>
        set(style, 'style', style),
      ),
    ],
  };
  const list = lists[name]?.slice(0, CHOICES_MAX);
  if (list === undefined) return null;
  const back: Button = { text: texts.say('button-back'), meaning: { do: 'choose', name: 'all' } };
  return {
    text: texts.say(`setting-${name}`, { value: '' }).trim(),
    rows: [...inRows(list), [back]],
  };
}

function languageMenu({ texts }: Visitor): Menu {
  const own = LANGUAGES.map((language): Button => ({
    text: LANGUAGE_NAMES[language],
    meaning: { do: 'set', name: 'language', value: language },
  }));
  const auto: Button = {
    text: texts.say('language-auto'),
    meaning: { do: 'set', name: 'language', value: null },
  };
  return { text: texts.say('language-title'), rows: [...inRows(own), [auto]] };
}

const inRows = (buttons: readonly Button[]): Button[][] =>
  Array.from({ length: Math.ceil(buttons.length / IN_A_ROW) }, (_, n) =>
    buttons.slice(n * IN_A_ROW, (n + 1) * IN_A_ROW),
  );
