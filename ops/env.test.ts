// `env.example` explains every setting there is, with the default it really has, and none that is not.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { environment, readConfig } from '../runtime/config.ts';

const text = readFileSync(new URL('env.example', import.meta.url), 'utf8');
const examples = [...text.matchAll(/^#? ?([A-Z][A-Z0-9_]*)=(.*)$/gm)].map(
  ([, name = '', value = '']) => ({ name, value }),
);
const settings = Object.keys(environment.shape);

it('has each setting once, and no other', () => {
  expect(examples.map(({ name }) => name).sort()).toEqual([...settings].sort());
});

it('explains each one', () => {
  for (const { name } of examples) {
    expect(text, name).toMatch(new RegExp(`^# [A-Za-z].*\\n#? ?${name}=`, 'm'));
  }
});

it('shows the defaults that hold', () => {
  const shown = Object.fromEntries(
    examples.filter(({ value }) => value !== '').map(({ name, value }) => [name, value]),
  );
  expect(Object.keys(shown).length).toBeGreaterThan(3);
  expect(readConfig(shown)).toEqual(readConfig({}));
});

it('is accepted as it is, with every line taken in', () => {
  const all = Object.fromEntries(examples.map(({ name, value }) => [name, value]));
  expect(readConfig(all)).toEqual(readConfig({}));
});
