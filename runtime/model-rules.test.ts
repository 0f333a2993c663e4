import { describe, expect, it } from 'vitest';
import { BadConfig } from './config.ts';
import { FOR_EVERYBODY, ModelRules, parseModelRules, readModelRules } from './model-rules.ts';

const flux = { id: 'flux-dev', name: 'Flux Dev' };

describe('a rule', () => {
  const rules = new ModelRules([
    { models: ['flux*', 'wan'], plans: ['starter', 'pro'], note: 'It is slow' },
    { models: ['flux-pro'], plans: ['pro'] },
    { models: ['secret*'], roles: ['admin'] },
    { models: ['broken'], plans: [] },
  ]);

  it('leaves what it does not name to everybody', () => {
    expect(rules.allowedFor('sketch')).toEqual({
      plans: ['free', 'starter', 'pro'],
      roles: ['user', 'frontend', 'admin'],
      note: null,
    });
    expect(rules.whyNot({ id: 'my-flux', name: 'x' }, 'free', 'user')).toBeNull();
    expect(rules.asksForPlan('sketch')).toBe(false);
  });

  it('says which plan helps', () => {
    expect(rules.whyNot(flux, 'starter', 'user')).toBeNull();
    expect(rules.whyNot(flux, 'free', 'user')).toBe(
      'Flux Dev needs the plan starter or pro, and this account has the plan free. It is slow.',
    );
    expect(rules.whyNot({ id: 'broken', name: 'B' }, 'pro', 'user')).toBe(
      'B is not open to anybody.',
    );
    expect(rules.whyNot({ id: 'secret-1', name: 'S' }, 'pro', 'frontend')).toBe(
      'S may only be used by callers of the kind admin, and this one is frontend.',
    );
  });

  it('narrows what another one allows', () => {
    expect(rules.allowedFor('flux-pro').plans).toEqual(['pro']);
  });

  it('takes a dot for a dot', () => {
    const dotted = new ModelRules([{ models: ['flux.1'], plans: ['pro'] }]);
    expect(dotted.allowedFor('fluxa1').plans).toHaveLength(3);
    expect(dotted.allowedFor('flux.1').plans).toEqual(['pro']);
  });
});

it.each([
  ['{', /^rules\.json is not JSON: /],
  ['{}', /^rules\.json: must be a list of rules\.$/],
  ['[{"models": []}]', /^rules\.json in rule 1: models must name at least one model\.$/],
  [
    '[{"models": ["Flux Dev"]}]',
    /rule 1: models\.0 must be a model id, in which \* is anything\.$/,
  ],
  [
    '[{"models": ["a"]}, {"models": ["a"], "plans": ["gold"]}]',
    /in rule 2: plans\.0 must be one of free, starter, pro\.$/,
  ],
  ['[{"models": ["a"], "roles": ["boss"]}]', /roles\.0 must be one of user, frontend, admin\.$/],
  ['[{"models": ["a"], "plan": "pro"}]', /rule 1: .*plan/],
])('a mistake is a sentence: %s', (text, sentence) => {
  expect(() => parseModelRules(text, 'rules.json')).toThrow(sentence);
  expect(() => parseModelRules(text, 'rules.json')).toThrow(BadConfig);
});

it('may be missing where nobody named it, and only there', () => {
  expect(readModelRules('/nowhere/models.json', false)).toBe(FOR_EVERYBODY);
  expect(() => readModelRules('/nowhere/models.json', true)).toThrow(
    /cannot be read from \/nowhere\/models\.json \(ENOENT\)/,
  );
});
