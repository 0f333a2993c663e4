import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BadConfig } from '../config.ts';
import { parsePolicy, PolicyFile } from './policy-file.ts';

let folder: string;
let path: string;
let now = 0;
const said: string[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-content-'));
  path = join(folder, 'content.json');
  said.length = 0;
});
afterEach(() => rm(folder, { recursive: true }));

const clock = { now: () => now } as never;
const open = (isNamed = false) =>
  PolicyFile.open({ path, isNamed, clock, log: (message) => said.push(message) });
const later = async (file: PolicyFile) => {
  now += 5_000;
  return file.current();
};
const RULES = {
  contexts: { bird: { en: ['heron'] }, water: { en: ['lake'] } },
  rules: [
    { id: 'wet', all: ['bird', 'water'], audiences: ['family'], sentence: 'No birds in water.' },
  ],
};

it('may be missing, unless somebody named it', async () => {
  const { rules, levels } = await (await open()).current();
  expect(levels.elsewhere).toBe('general');
  expect(rules.find('a naked child', 'adult', 'image')?.rule).toBe('minors-undressed');
  await expect(open(true)).rejects.toThrow('Mend the file, or TESSERA_CONTENT.');
});

it('takes the place of the rules of the house', async () => {
  await writeFile(path, JSON.stringify({ rules: RULES }));
  const { rules } = await (await open(true)).current();
  expect(rules.find('a heron at the lake', 'family', 'image')?.rule).toBe('wet');
  expect(rules.find('a naked child', 'family', 'image')).toBeNull();
});

it('is read again when it changes, and a bad one changes nothing', async () => {
  const file = await open();
  await writeFile(path, JSON.stringify({ levels: { elsewhere: 'family' } }));
  expect((await file.current()).levels.elsewhere).toBe('general');
  expect((await later(file)).levels.elsewhere).toBe('family');
  expect(said).toEqual([`content: ${path} was read`]);
  await writeFile(path, '{"levels": {"elsewhere": "nobody"}}');
  expect((await later(file)).levels.elsewhere).toBe('family');
  expect(said[1]).toMatch(/levels\.elsewhere must be one of family.*still holds/s);
  await rm(path);
  expect((await later(file)).levels.elsewhere).toBe('general');
});

it('says what is wrong with it', async () => {
  await writeFile(path, '{');
  await expect(open()).rejects.toThrow(BadConfig);
  expect(() => parsePolicy('{"rule": []}', 'f')).toThrow(/^f: .*rule/);
  const rule = { ...RULES.rules[0], all: ['bird'] };
  const text = JSON.stringify({ rules: { ...RULES, rules: [rule] } });
  expect(() => parsePolicy(text, 'f')).toThrow('f: rules.rules.0.all must name two contexts');
});
