// An operator's request with places for what a job brings. It is filled as data, never as text: a place is a whole
// value, so whatever a person writes stays inside the one value that it belongs in.
import { EngineFailure } from '../../../../machines/contract/engine.ts';

export const SLOTS = ['prompt', 'lyrics', 'seconds', 'seed', 'model', 'format'] as const;
export type Slot = (typeof SLOTS)[number];
/** A value that is left out takes its key with it. */
export type SlotValues = Readonly<Record<Slot, string | number | undefined>>;

type Json = unknown;

const SLOT = /^\{\{(\w+)\}\}$/;

/** What is wrong with a template, in a sentence; null where nothing is. */
export function templateFault(template: Json): string | null {
  const texts = textsOf(template);
  for (const text of texts) {
    const slot = SLOT.exec(text)?.[1];
    if (slot === undefined && text.includes('{{'))
      return `A slot must be a whole value: write "{{prompt}}" alone, not ${JSON.stringify(text.slice(0, 60))}.`;
    if (slot !== undefined && !SLOTS.includes(slot as Slot))
      return `There is no slot {{${slot.slice(0, 40)}}}. Slots are: ${SLOTS.join(', ')}.`;
  }
  return texts.includes('{{prompt}}') ? null : 'The template needs the slot {{prompt}}.';
}

export const hasSlot = (template: Json, slot: Slot): boolean =>
  textsOf(template).includes(`{{${slot}}}`);

/** One pass: a slot's name inside a value that was put in is only text. */
export function fillTemplate(template: Json, values: SlotValues): Json {
  if (typeof template === 'string') {
    const slot = SLOT.exec(template)?.[1];
    return slot === undefined ? template : values[slot as Slot];
  }
  if (Array.isArray(template)) return template.map((each) => fillTemplate(each, values) ?? null);
  if (typeof template !== 'object' || template === null) return template;
  const filled = Object.entries(template).map(([key, each]) => [key, fillTemplate(each, values)]);
  return Object.fromEntries(filled.filter(([, value]) => value !== undefined));
}

/** The text at a JSON pointer (RFC 6901) of an answer. */
export function textAt(said: Json, pointer: string): string {
  let value = said;
  for (const step of pointer.split('/').slice(1)) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    const isThere = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
    value = isThere ? (value as Record<string, unknown>)[key] : undefined;
  }
  if (typeof value === 'string' && value !== '') return value;
  throw new EngineFailure('outputMissing', `The engine's answer has no text at ${pointer}.`);
}

function textsOf(template: Json): string[] {
  if (typeof template === 'string') return [template];
  if (typeof template !== 'object' || template === null) return [];
  return Object.values(template).flatMap(textsOf);
}
