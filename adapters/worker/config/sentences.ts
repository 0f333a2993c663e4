// What is wrong with a file, in words for whoever wrote it: the entry, the field, and what it must be.
import type { z } from 'zod';

/** As much of Zod's as is needed to speak of it. */
export type Issue = Pick<z.core.$ZodIssue, 'path' | 'message'>;

/** Zod's own wording, where a schema says nothing better, is for programmers. */
export const wordsFor: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? 'is missing'
        : `must be ${KINDS[issue.expected] ?? issue.expected}`;
    case 'unrecognized_keys':
      return `has no setting ${issue.keys.map((key) => `"${key}"`).join(', ')}`;
    case 'invalid_value':
      return `must be ${issue.values.map(String).join(' or ')}`;
    case 'too_small':
      return `must be ${AT_LEAST[issue.origin] ?? 'at least'} ${issue.minimum}${UNITS[issue.origin] ?? ''}`;
    case 'too_big':
      return `must be at most ${issue.maximum}${UNITS[issue.origin] ?? ''}`;
    case 'invalid_format':
      return issue.format === 'url'
        ? 'must be a web address such as http://127.0.0.1:8188'
        : undefined;
    default:
      return undefined;
  }
};

const KINDS: Readonly<Record<string, string>> = {
  string: 'text in quotes',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list in [ ]',
  object: 'a group of settings in { }',
  record: 'a group of settings in { }',
};
const AT_LEAST: Readonly<Record<string, string>> = {
  string: 'text of at least',
  array: 'a list of at least',
};
const UNITS: Readonly<Record<string, string>> = { string: ' characters', array: ' entries' };

/** `start.podman.ports[0].host must be a whole number`; a path of nothing is the entry itself. */
export function fieldSentence(issue: Issue): string {
  const field = issue.path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
  return `${field === '' ? 'it' : field} ${issue.message}`;
}
