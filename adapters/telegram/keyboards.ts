// The buttons under a message. Each carries an id that the control plane gave for what it does.
import type { InlineKeyboardButton, InlineKeyboardMarkup } from 'grammy/types';
import type { JobView } from '../../machines/contract/views.ts';
import type { MeaningInput } from '../bots/meanings.ts';
import type { Texts } from '../bots/texts/texts.ts';
import { seedOf } from '../bots/wording.ts';

export interface Button {
  readonly text: string;
  readonly meaning: MeaningInput;
}
export type Rows = readonly (readonly Button[])[];

/** Gets the ids, in the order of the meanings. */
export type Ids = (meanings: readonly MeaningInput[]) => Promise<readonly string[]>;

export async function keyboard(rows: Rows, idsFor: Ids): Promise<InlineKeyboardMarkup> {
  const all = rows.flat();
  const ids = all.length === 0 ? [] : await idsFor(all.map(({ meaning }) => meaning));
  let next = 0;
  const inline_keyboard = rows.map((row) =>
    row.map(({ text }): InlineKeyboardButton => ({ text, callback_data: ids[next++]! })),
  );
  return { inline_keyboard };
}

export const wayButtons = (texts: Texts, { id, cancellable }: JobView): Rows =>
  cancellable ? [[{ text: texts.say('button-cancel'), meaning: { do: 'cancel', job: id } }]] : [];

/** With which of several pictures something is done is told by a number. */
export function resultButtons(texts: Texts, job: JobView, canEnlarge: boolean): Rows {
  const { id, outputs, modality } = job;
  const isImage = modality === 'image';
  const again: Button = { text: texts.say('button-again'), meaning: { do: 'again', job: id } };
  const edit: Button = { text: texts.say('button-edit'), meaning: { do: 'edit', job: id } };
  const each = (key: string, what: 'vary' | 'upscale' | 'file' | 'seed'): Button[] =>
    outputs.map((_, n) => ({
      text: outputs.length === 1 ? texts.say(key) : `${texts.say(key).split(' ', 1)[0]} ${n + 1}`,
      meaning: { do: what, job: id, n },
    }));
  const vary = isImage ? each('button-vary', 'vary') : [];
  const upscale = isImage && canEnlarge ? each('button-upscale', 'upscale') : [];
  const files = each('button-file', 'file');
  const seeds = outputs.length === 1 && seedOf(job) !== null ? each('button-seed', 'seed') : [];
  return outputs.length === 1
    ? [
        [again, ...vary, ...upscale],
        [edit, ...seeds, ...files],
      ]
    : [vary, upscale, files, [again, edit]].filter((row) => row.length > 0);
}

export const endButtons = (texts: Texts, { id }: JobView): Rows => [
  [
    { text: texts.say('button-again'), meaning: { do: 'again', job: id } },
    { text: texts.say('button-edit'), meaning: { do: 'edit', job: id } },
  ],
];
