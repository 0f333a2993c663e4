// One catalogue: whoever turns a caller down, wherever it is written, uses a code of it with its status.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { envelopeOf } from './openai/envelope.ts';
import { PROBLEMS, problemOf, refuse, type ProblemCode } from './problems.ts';

const runtime = join(import.meta.dirname, '..');

it('holds every refusal that is thrown', () => {
  const thrown: [file: string, status: number, code: string][] = [];
  for (const file of globSync('**/*.ts', { cwd: runtime })) {
    if (file.includes('test')) continue;
    const text = readFileSync(join(runtime, file), 'utf8');
    for (const [, status, code] of text.matchAll(/new Refused\(\s*(\d{3}),\s*'(\w+)'/g))
      thrown.push([file, Number(status), code!]);
  }
  expect(thrown.length).toBeGreaterThan(5);
  for (const [file, status, code] of thrown)
    expect([file, code, PROBLEMS[code as ProblemCode]?.[0]]).toEqual([file, code, status]);
});

it.each(Object.keys(PROBLEMS) as ProblemCode[])('%s is told in both forms', (code) => {
  const refused = refuse(code, 'No.');
  const problem = problemOf(refused, 'req_1');
  expect(problem).toMatchObject({ code, detail: 'No.', request_id: 'req_1' });
  expect(problem.type).toBe(`urn:tessera:problem:${code}`);
  const { status, body } = envelopeOf(refused);
  // Clients decide by these: what is theirs to mend is never told as ours.
  expect(status >= 500).toBe(problem.status >= 500);
  expect(body.error.message).toBe('No.');
  expect(body.error.type).toMatch(/^\w+$/);
});
