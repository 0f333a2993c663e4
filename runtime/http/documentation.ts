// The API's description, made from the same schemas that check the requests, and a page that shows it.
import swagger from '@fastify/swagger';
import reference from '@scalar/fastify-api-reference';
import {
  createJsonSchemaTransform,
  createJsonSchemaTransformObject,
} from 'fastify-type-provider-zod';
import { z } from 'zod';
import packageJson from '../../package.json' with { type: 'json' };
import { jobRequest } from '../../machines/contract/requests.ts';
import { adminWorkerView, queueView } from '../../machines/contract/admin-views.ts';
import * as views from '../../machines/contract/views.ts';
import type { App } from './app.ts';
import { codesInWords, describe, type Paths } from './examples/described.ts';

/** Named in the document; everything else is written out where it is used. */
const NAMED = {
  JobRequest: jobRequest,
  Job: views.jobView,
  JobList: views.jobListView,
  DryRun: views.dryRunView,
  Account: views.accountView,
  Ledger: views.ledgerView,
  Model: views.modelView,
  ModelList: views.modelListView,
  Status: views.statusView,
  Blob: views.blobView,
  Queue: queueView,
  Worker: adminWorkerView,
  Problem: views.problem,
} as const;

const DESCRIPTION = `
Ask for images, video, text, speech and transcripts; watch them being made; fetch the results.

**Errors** are RFC 9457 problem documents with a stable \`code\`. Unknown fields are refused. The calls under "OpenAI" are
for OpenAI's clients: they pass over what they do not know and refuse in the envelope of those clients, from the same
catalogue. There \`insufficient_tokens\` is 429 \`insufficient_quota\`, \`rate_limited\` is 429 \`rate_limit_exceeded\`,
\`unauthorized\` is \`invalid_api_key\` and \`impossible\` is 400. Every answer has an \`x-request-id\`.

${codesInWords()}

**The live stream** is a WebSocket at \`/v1/stream\`. Send \`{"subscribe": {"after": -1}}\` ("from now on") or the
last \`seq\` you have; job events come in order of \`seq\`, at least once, progress comes without.

**The inspector** is a WebSocket at \`/v1/admin/inspect\`, for administrators. Send
\`{"subscribe": {"kind": "job", "id": "job_…", "account": "acc_…", "after": 0}}\` for one actor's turns after a
revision (\`null\`: from now on), or name an account, a kind, both or nothing for many, from now on. What
comes has the shapes of the Stately inspection protocol (\`@xstate.actor\`, \`@xstate.event\`,
\`@xstate.snapshot\`) with the \`revision\` beside them: first what happened, from the journal, then what
happens, per actor without a gap or a repeat. Microsteps are not told. A reader who is too slow is closed with
1013 and goes on after the last \`revision\` it has.
`;

export async function documentApi(app: App): Promise<void> {
  const schemaRegistry = z.registry<{ id?: string }>();
  for (const [id, schema] of Object.entries(NAMED)) schemaRegistry.add(schema, { id });
  const namedSchemas = createJsonSchemaTransformObject({ schemaRegistry });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Tessera',
        version: packageJson.version,
        description: DESCRIPTION.trim(),
        license: { name: 'MIT', identifier: 'MIT' },
      },
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer', description: '`tsr_user_…`' },
          session: { type: 'apiKey', in: 'cookie', name: 'tessera_session' },
        },
      },
      security: [{ key: [] }, { session: [] }],
    },
    transform: createJsonSchemaTransform({ schemaRegistry }),
    transformObject: (document) => tidy(namedSchemas(document)),
  });
}

/** Fills the document up, and drops the schemas that nothing refers to. */
function tidy<Document extends object>(document: Document): Document {
  const { paths = {}, components = {} } = document as {
    readonly paths?: Paths;
    readonly components?: { schemas?: Record<string, unknown> };
  };
  const schemas = (components.schemas ??= {});
  describe(paths, schemas);
  // One that is dropped may have been the only one to refer to another.
  for (let before = -1; before !== Object.keys(schemas).length;) {
    before = Object.keys(schemas).length;
    const text = JSON.stringify(document);
    for (const name of Object.keys(schemas))
      if (!text.includes(`"#/components/schemas/${name}"`)) delete schemas[name];
  }
  return document;
}

/** To be called when all routes are there. */
export async function showDocumentation(app: App): Promise<void> {
  app.get(
    '/openapi.json',
    { config: { access: 'public' }, schema: { hide: true } },
    (_request, reply) => reply.type('application/json').send(JSON.stringify(app.swagger())),
  );
  app.addHook('onSend', async (request, reply) => {
    // The page brings its own script and styles along and needs nothing from anywhere else.
    if (request.url.startsWith('/docs')) reply.header('content-security-policy', PAGE_POLICY);
  });
  await app.register(reference, {
    routePrefix: '/docs',
    configuration: {
      url: '/openapi.json',
      pageTitle: 'Tessera API',
      withDefaultFonts: false,
      telemetry: false,
      hideClientButton: true,
      showDeveloperTools: 'never',
      agent: { disabled: true },
      mcp: { disabled: true },
    },
  });
}

const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'unsafe-inline'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');
