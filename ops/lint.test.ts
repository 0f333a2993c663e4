// The purity of machines/ rests on lint rules; this shows that they bite, there and nowhere else.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import { describe, expect, it } from 'vitest';

const eslint = new ESLint({
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  overrideConfigFile: 'ops/eslint.config.js',
  // The rules under test need no types, and the files exist only here.
  overrideConfig: { languageOptions: { parserOptions: { projectService: false } } },
  ruleFilter: ({ ruleId }) => ruleId.startsWith('no-restricted'),
});

async function objections(filePath: string, text: string): Promise<number> {
  const [result] = await eslint.lintText(text, { filePath });
  expect(result?.fatalErrorCount).toBe(0);
  return result?.errorCount ?? 0;
}

const IMPURE = [
  'export const at = Date.now();',
  'export const at = new Date();',
  'export const at = globalThis.Date.now();',
  'export const chance = Math.random();',
  'export const port = process.env.PORT;',
  'setTimeout(() => undefined, 10);',
  'export const id = crypto.randomUUID();',
  "import { readFile } from 'node:fs/promises';\nexport { readFile };",
];

describe('purity of machines/', () => {
  it.each(IMPURE)('refuses %j', async (text) => {
    expect(await objections('machines/job/machine.ts', text)).toBeGreaterThan(0);
  });

  it('lets pure code be', async () => {
    const pure = 'export const later = (nowMs: number): number => Math.max(nowMs, 0) + 5;';
    expect(await objections('machines/job/machine.ts', pure)).toBe(0);
  });

  it('does not bind the host', async () => {
    expect(await objections('runtime/clock.ts', 'export const now = () => Date.now();')).toBe(0);
  });
});

describe('seams of the core', () => {
  it.each([...IMPURE, "import pg from 'pg';\nexport { pg };"])('refuses %j', async (text) => {
    expect(await objections('runtime/turn.ts', text)).toBeGreaterThan(0);
    expect(await objections('runtime/dispatcher.ts', text)).toBeGreaterThan(0);
  });

  it('names files that exist', () => {
    const config = readFileSync(new URL('eslint.config.js', import.meta.url), 'utf8');
    const [, names = ''] = /const CORE = \[([^\]]*)\]/.exec(config) ?? [];
    const core = names.match(/[a-z-]+(?=')/g) ?? [];
    expect(core).toContain('turn');
    const runtime = new URL('../runtime/', import.meta.url);
    expect(core.filter((name) => !existsSync(new URL(`${name}.ts`, runtime)))).toEqual([]);
  });

  it('leaves the doors alone', async () => {
    const door = 'export const at = Date.now();';
    expect(await objections('runtime/http/server.ts', door)).toBe(0);
  });
});

it('a focused test is refused', async () => {
  expect(await objections('runtime/turn.test.ts', "it.only('x', () => {});")).toBe(1);
});
