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
import * as views from '../../machines/contract/views.ts';
import type { App } from './app.ts';

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
  Problem: views.problem,
} as const;

const DESCRIPTION = `
Ask for images, video, text, speech and transcripts; watch them being made; fetch the results.

**Errors** are RFC 9457 problem documents with a stable \`code\`. Unknown fields are refused.

**The live stream** is a WebSocket at \`/v1/stream\`. Send \`{"subscribe": {"after": -1}}\` ("from now on") or the
last \`seq\` you have; job events come in order of \`seq\`, at least once, progress comes without.
`;

export async function documentApi(app: App): Promise<void> {
  const schemaRegistry = z.registry<{ id?: string }>();
  for (const [id, schema] of Object.entries(NAMED)) schemaRegistry.add(schema, { id });
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
    transformObject: createJsonSchemaTransformObject({ schemaRegistry }),
  });
}

/** To be called when all routes are there. */
export async function showDocumentation(app: App): Promise<void> {
  app.get('/openapi.json', { schema: { hide: true } }, (_request, reply) =>
    reply.type('application/json').send(JSON.stringify(app.swagger())),
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
