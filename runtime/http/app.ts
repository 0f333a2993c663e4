// The HTTP side of a runtime, as a function of its host. Order matters: first whether we may answer at
// all, then whose request it is, then what is asked.
import type { IncomingMessage, ServerResponse } from 'node:http';
import helmet from '@fastify/helmet';
import websocket from '@fastify/websocket';
import fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  type RawServerDefault,
} from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import type { Host } from '../host.ts';
import { guardRoutes } from './access.ts';
import { Bans } from './bans.ts';
import { acceptJsonOnly, JSON_BYTES_MAX, validatorCompiler } from './bodies.ts';
import { documentApi, showDocumentation } from './documentation.ts';
import { answerUnreadable, errorHandler } from './errors.ts';
import { LIMITS, limitRequests, SocketCount, type Limits } from './limits.ts';
import { refuseUnlessLocal } from './local-guard.ts';
import { Principals } from './principals.ts';
import { limitRates, LocalCounter, type RateCounter } from './rates.ts';
import { RefusalAudit } from './refusal-audit.ts';
import { Revocations } from './revocations.ts';
import { inBoth } from './openai/envelope.ts';
import { openaiRoutes } from './openai/routes.ts';
import { refuse } from './problems.ts';
import { accountKeyRoutes } from './routes/account-keys.ts';
import { accountSessionRoutes } from './routes/account-sessions.ts';
import { adminPaymentRoutes } from './routes/admin-payments.ts';
import { accountRoutes } from './routes/account.ts';
import { actionRoutes } from './routes/actions.ts';
import { adminDeliveryRoutes } from './routes/admin-deliveries.ts';
import { adminBanRoutes } from './routes/admin-bans.ts';
import { adminKeyRoutes } from './routes/admin-keys.ts';
import { adminQueueRoutes } from './routes/admin-queue.ts';
import { adminWorkerRoutes } from './routes/admin-workers.ts';
import { adminRoutes } from './routes/admin.ts';
import { appealRoutes } from './routes/appeals.ts';
import { blobRoutes } from './routes/blobs.ts';
import { catalogueRoutes } from './routes/catalogue.ts';
import { deliveryRoutes } from './routes/deliveries.ts';
import { enrolmentRoutes } from './routes/enrolment.ts';
import { healthRoutes } from './routes/health.ts';
import { identityRoutes } from './routes/identities.ts';
import { jobEventRoutes } from './routes/job-events.ts';
import { jobStoryRoutes } from './routes/job-story.ts';
import { jobRoutes } from './routes/jobs.ts';
import { linkRoutes } from './routes/links.ts';
import { outputRoutes } from './routes/outputs.ts';
import { preferenceRoutes } from './routes/preferences.ts';
import { promptRoutes } from './routes/prompts.ts';
import { passkeyRoutes } from './routes/passkeys.ts';
import { paymentRoutes } from './routes/payments.ts';
import { stripeWebhookRoute } from './routes/provider-news.ts';
import { sessionRoutes } from './routes/session.ts';
import { signInRoutes } from './routes/sign-in.ts';
import { streamRoutes } from './routes/streams.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import { workerRoutes } from './routes/workers.ts';
import { Sessions } from './sessions.ts';
import { FRAME_BYTES_MAX, sayGoodbye } from './sockets.ts';

export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

export interface AppOptions {
  /** Answers everything that is not the API's; null: the website is not built. */
  readonly site: ((request: IncomingMessage, response: ServerResponse) => void) | null;
  /** A sentence while the process cannot serve yet, or not any more. */
  readonly whyNotReady: () => string | null;
  readonly log?: FastifyBaseLogger;
  /** Tests: every answer is checked against its schema. */
  readonly checksAnswers?: boolean;
  /** Shared with other runtimes; none: each counts for itself. */
  readonly rateCounter?: RateCounter;
  /** Where less than `LIMITS` is wanted. */
  readonly limits?: Partial<Limits>;
}

/** The largest chunk of a result over a slow line. */
const REQUEST_ARRIVES_MS = 300_000;

/** Paths that are never the website's. */
const OURS = /^\/(v1|docs|openapi\.json|healthz|readyz|metrics)(\/|$)/;

export async function buildApp(host: Host, options: AppOptions): Promise<App> {
  const app = fastify({
    ...(options.log ? { loggerInstance: options.log } : { logger: false }),
    // Requests are counted, and logged only when they fail.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: JSON_BYTES_MAX,
    // For the whole of a request to arrive; without it one that never ends would be waited for.
    requestTimeout: REQUEST_ARRIVES_MS,
    genReqId: () => host.ids.make('req', host.clock.now()),
    requestIdHeader: false,
    // Who got in before the door closed is served, and told to use another connection next time.
    return503OnClosing: false,
    // Who is named may say for whom it speaks; of anybody else such headers mean nothing.
    trustProxy: host.config.trustedProxies.length > 0 ? [...host.config.trustedProxies] : false,
    frameworkErrors: (error, request, reply) => {
      errorHandler(host.metrics)(error, request, reply);
    },
    clientErrorHandler: answerUnreadable,
  }).withTypeProvider<ZodTypeProvider>();

  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler<z.ZodType>(({ schema }) => (answer) => {
    if (options.checksAnswers) schema.parse(answer);
    return JSON.stringify(answer);
  });
  app.setErrorHandler(errorHandler(host.metrics));
  app.setNotFoundHandler(() => {
    // OpenAI's clients know calls that are not here.
    throw inBoth(refuse('not_found', 'There is nothing at this address.'));
  });
  acceptJsonOnly(app);

  await app.register(websocket, {
    options: { maxPayload: FRAME_BYTES_MAX },
    errorHandler: (error, socket, request) => {
      request.log.warn({ err: error }, 'A WebSocket failed');
      socket.terminate();
    },
    preClose: sayGoodbye,
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    // What somebody owns is nobody else's to keep; the bytes of results say otherwise themselves.
    if (OURS.test(pathOf(request))) reply.header('cache-control', 'no-store');
    if (host.config.isLocalMode) refuseUnlessLocal(request.raw);
  });
  const limits = { ...LIMITS, ...options.limits };
  limitRequests(app, limits, (url) => OURS.test(url.split('?', 1)[0]!));
  const rates = limitRates(app, host, options.rateCounter ?? new LocalCounter());
  await addSecurityHeaders(app);
  addSite(app, options.site);
  measure(app, host);

  const principals = new Principals(host);
  const audit = new RefusalAudit(host);
  const revocations = new Revocations(host, (hash) => principals.forgetKey(hash));
  guardRoutes(app, principals, audit.atTheDoor);
  rates.afterTheDoor();
  const bans = new Bans(host);
  bans.atTheDoor(app);
  await documentApi(app);
  addRoutes(app, host, options, {
    ...{ bans, principals, audit, revocations, sockets: new SocketCount(limits) },
  });
  app.addHook('onReady', async () => revocations.start());
  app.addHook('onClose', async () => revocations.stop());
  await showDocumentation(app);
  return app;
}

/** What the doors share, beside the host. */
export interface Doorkeepers {
  readonly principals: Principals;
  readonly audit: RefusalAudit;
  readonly revocations: Revocations;
  readonly sockets: SocketCount;
  readonly bans: Bans;
}

function addRoutes(app: App, host: Host, options: AppOptions, keepers: Doorkeepers): void {
  const { principals } = keepers;
  const sessions = new Sessions(host, principals);
  sessionRoutes(app, host, principals, sessions);
  signInRoutes(app, host, { principals, sessions });
  passkeyRoutes(app, host, sessions);
  accountSessionRoutes(app, host, principals);
  jobRoutes(app, host);
  jobEventRoutes(app, host, keepers);
  jobStoryRoutes(app, host);
  outputRoutes(app, host);
  promptRoutes(app, host);
  appealRoutes(app, host);
  adminBanRoutes(app, host, keepers.bans);
  accountRoutes(app, host);
  paymentRoutes(app, host);
  adminPaymentRoutes(app, host);
  identityRoutes(app, host, principals);
  linkRoutes(app, host, { principals, sessions });
  webhookRoutes(app, host);
  accountKeyRoutes(app, host, keepers.revocations);
  deliveryRoutes(app, host);
  actionRoutes(app, host);
  preferenceRoutes(app, host);
  catalogueRoutes(app, host);
  adminRoutes(app, host);
  adminQueueRoutes(app, host);
  adminWorkerRoutes(app, host);
  adminDeliveryRoutes(app, host);
  adminKeyRoutes(app, host, keepers.revocations);
  enrolmentRoutes(app, host, keepers.audit);
  healthRoutes(app, host, options.whyNotReady);
  // Each in a scope of its own: they take bodies that the others must not.
  app.register(async (scope) => stripeWebhookRoute(scope as App, host));
  app.register(async (scope) => blobRoutes(scope as App, host));
  app.register(async (scope) => openaiRoutes(scope as App, host));
  app.register(async (scope) => workerRoutes(scope as App, host, keepers.audit));
  app.register(async (scope) => streamRoutes(scope as App, host, keepers));
}

async function addSecurityHeaders(app: App): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    referrerPolicy: { policy: 'no-referrer' },
    // Until there is a public address with a certificate there is nothing to insist on.
    strictTransportSecurity: false,
  });
}

function addSite(app: App, site: AppOptions['site']): void {
  app.addHook('onRequest', async (request, reply) => {
    if (!site || !request.is404 || request.ws || OURS.test(pathOf(request))) return;
    reply.hijack();
    reply.raw.setHeader('x-request-id', request.id);
    reply.raw.setHeader('x-content-type-options', 'nosniff');
    reply.raw.setHeader('referrer-policy', 'no-referrer');
    site(request.raw, reply.raw);
  });
}

const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '/';

/** Labels are bounded: routes as they are declared, never what somebody typed. */
function measure(app: App, host: Host): void {
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? (OURS.test(pathOf(request)) ? 'unknown' : 'site');
    const labels = { method: request.method, route, status: String(reply.raw.statusCode) };
    host.metrics.httpSeconds.observe(labels, reply.elapsedTime / 1000);
  });
}
