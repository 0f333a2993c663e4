// The published description, held against a real validator, and its examples against its own schemas.
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestRuntime, type TestRuntime } from '../testing.ts';
import type { Paths } from './described.ts';

let runtime: TestRuntime;
let document: { readonly paths: Paths };
const ajv = new Ajv2020({ strict: false, logger: false, validateFormats: false });
beforeAll(async () => {
  runtime = await startTestRuntime();
  document = (await runtime.call({ url: '/openapi.json' })).json();
  ajv.addSchema(document, 'openapi');
});
afterAll(() => runtime.stop());

const escaped = (part: string) =>
  encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));

function whyNotAsDescribed(at: readonly string[], value: unknown): unknown {
  const check = ajv.getSchema(`openapi#/${at.map(escaped).join('/')}`);
  if (!check) return 'it is not described';
  return check(value) ? null : check.errors;
}

it('is valid as OpenAPI 3.1', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone({ ...document }));
  expect([valid, errors, validator.version]).toEqual([true, undefined, '3.1']);
});

it('shows requests and answers that its own schemas accept', () => {
  let seen = 0;
  const wrong: unknown[] = [];
  for (const [path, operations] of Object.entries(document.paths))
    for (const [method, { requestBody, responses = {} }] of Object.entries(operations)) {
      const at = ['paths', path, method];
      const shown: [readonly string[], unknown][] = [
        [
          ['requestBody', 'content', 'application/json'],
          requestBody?.content?.['application/json'],
        ],
        ...Object.entries(responses).flatMap(([status, { content = {} }]) =>
          Object.entries(content).map(([type, media]): [readonly string[], unknown] => [
            ['responses', status, 'content', type],
            media,
          ]),
        ),
      ];
      for (const [where, media] of shown) {
        const { example } = (media ?? {}) as { readonly example?: unknown };
        if (example === undefined) continue;
        seen += 1;
        const why = whyNotAsDescribed([...at, ...where, 'schema'], example);
        if (why !== null) wrong.push([method, path, where, why]);
      }
    }
  expect(wrong).toEqual([]);
  expect(seen).toBeGreaterThan(120);
});
