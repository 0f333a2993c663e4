import { describe, expect, it } from 'vitest';
import { fillTemplate, hasSlot, templateFault, textAt, type SlotValues } from './template.ts';

const values: SlotValues = {
  prompt: 'rain',
  lyrics: undefined,
  seconds: 4,
  seed: 7,
  model: 'music',
  format: 'wav',
};

describe('a template', () => {
  it('is filled with values of their own types', () => {
    const template = { inputs: ['{{prompt}}'], duration: '{{seconds}}', top: { k: 250, on: true } };
    expect(fillTemplate(template, values)).toEqual({
      inputs: ['rain'],
      duration: 4,
      top: { k: 250, on: true },
    });
  });

  it('leaves out what a job does not have', () => {
    const template = { text: '{{prompt}}', lyrics: '{{lyrics}}', list: ['{{lyrics}}'] };
    expect(fillTemplate(template, values)).toEqual({ text: 'rain', list: [null] });
  });

  it.each([
    '", "model": "evil", "x": "',
    '{{seed}}',
    '${process.env.HOME}',
    '../../etc/passwd',
    '\\u0022}, {"a": 1}',
    '<lora:evil:1>',
    '__proto__',
  ])('keeps %j inside the one value that it belongs in', (prompt) => {
    const template = { text: '{{prompt}}', model: '{{model}}', list: [{ again: '{{prompt}}' }] };
    const filled = fillTemplate(template, { ...values, prompt });
    expect(filled).toEqual({ text: prompt, model: 'music', list: [{ again: prompt }] });
    expect(JSON.parse(JSON.stringify(filled))).toEqual(filled);
  });

  it('is refused where a slot is unknown, part of a text, or missing', () => {
    expect(templateFault({ text: '{{prompt}}', n: ['{{seconds}}'] })).toBeNull();
    expect(templateFault({ text: '{{prompt}}, in high quality' })).toContain('a whole value');
    expect(templateFault({ text: '{{prompt}}', user: '{{account}}' })).toContain('no slot');
    expect(templateFault({ text: 'always the same' })).toContain('needs the slot');
  });

  it('knows its slots', () => {
    expect(hasSlot([{ a: '{{seed}}' }], 'seed')).toBe(true);
    expect(hasSlot([{ a: '{{seed}}' }], 'lyrics')).toBe(false);
  });
});

it('finds a text by its pointer, and nothing but a text', () => {
  const said = { data: [{ 'a/b': 'x', '~': 'y' }], n: 1 };
  expect(textAt(said, '/data/0/a~1b')).toBe('x');
  expect(textAt(said, '/data/0/~0')).toBe('y');
  for (const pointer of ['/n', '/data', '/data/1', '/constructor/name', '/data/length'])
    expect(() => textAt(said, pointer)).toThrow('no text at');
});
