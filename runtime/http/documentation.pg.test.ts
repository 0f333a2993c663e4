import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestRuntime, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
beforeAll(async () => {
  runtime = await startTestRuntime();
});
afterAll(() => runtime.stop());

interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly requestBody?: unknown;
  readonly responses: Record<string, { description: string; content?: object }>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, { properties?: object }> };
}
const read = async () => (await runtime.call({ url: '/openapi.json' })).json<Document>();

it('the description is made from the schemas that check the requests', async () => {
  const { openapi, paths, components } = await read();
  expect(openapi).toBe('3.1.0');
  expect(Object.keys(components.schemas).sort()).toEqual([
    'Account',
    'Blob',
    'DryRun',
    'Job',
    'JobList',
    'JobRequestInput',
    'Ledger',
    'Model',
    'ModelList',
    'OpenaiError',
    'Problem',
    'Queue',
    'Status',
    'Worker',
  ]);
  expect(Object.keys(components.schemas['JobRequestInput']!.properties!)).toContain('dry_run');
  expect(paths['/v1/jobs']!['post']).toMatchObject({
    requestBody: {
      content: {
        'application/json': { schema: { $ref: '#/components/schemas/JobRequestInput' } },
      },
    },
    responses: {
      202: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Job' } } } },
    },
  });
});

it('every call says what it does and how it refuses', async () => {
  const { paths } = await read();
  for (const [path, operations] of Object.entries(paths))
    for (const [method, operation] of Object.entries(operations)) {
      const where = `${method} ${path}`;
      expect([where, operation.summary]).toEqual([where, expect.any(String)]);
      const [form] = Object.keys(operation.responses['default']?.content ?? {});
      expect([where, form]).toEqual([where, formOf(path, operation)]);
      const words = Object.values(operation.responses).map(({ description }) => description);
      expect([where, words]).not.toContain('Default Response');
    }
});

/** OpenAI's clients read an envelope of their own. */
const formOf = (path: string, { tags = [] }: Operation) =>
  tags.includes('OpenAI') && !path.startsWith('/v1/links/')
    ? 'application/json'
    : 'application/problem+json';

it('every reference leads somewhere', async () => {
  const document = await read();
  const named = JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g);
  const wanted = new Set([...named].map(([, name]) => name!));
  expect(Object.keys(document.components.schemas).sort()).toEqual([...wanted].sort());
});

it('the page needs nothing from anywhere else', async () => {
  const page = await runtime.call({ url: '/docs/' });
  expect(page.statusCode).toBe(200);
  expect(page.body).toContain('<title>Tessera API</title>');
  expect(page.body).not.toMatch(/(src|href)="(https?:)?\/\//);
  const policy = String(page.headers['content-security-policy']);
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/https?:|\*/);
  const script = await runtime.call({ url: '/docs/js/scalar.js' });
  expect(script.statusCode).toBe(200);
  expect(script.headers['content-type']).toContain('javascript');
  expect((await runtime.call({ url: '/docs' })).statusCode).toBe(301);
});
