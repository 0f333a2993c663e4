// The composition root: the only file that names concrete parts. Order of starting: store, core, doors.
// Stopping goes the other way round, so that nothing is accepted that could not be finished.
import { hostname } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pino } from 'pino';
import packageJson from '../package.json' with { type: 'json' };
import { LocalBlobs } from '../adapters/blobs/local-blobs.ts';
import { ChildMedia } from '../adapters/media/child-media.ts';
import { miniApps } from '../adapters/identity/mini-apps.ts';
import { passkeys } from '../adapters/identity/passkeys.ts';
import { discord, telegram } from '../adapters/identity/providers.ts';
import { RedisChannel } from '../adapters/redis/redis-channel.ts';
import { RedisCounter } from '../adapters/redis/redis-counter.ts';
import { stripeRail } from '../adapters/payments/stripe/rail.ts';
import { PostgresChannel } from '../db/notifications.ts';
import { createDatabasePool } from '../db/pool.ts';
import type { PlanTable } from '../machines/contract/plans.ts';
import { PostgresStore } from '../db/postgres-store.ts';
import { listPauses } from '../db/queries/pauses.ts';
import { PostgresPresence } from '../db/presence.ts';
import { NO_SIGN_IN, type SignIn } from '../machines/contract/sign-in.ts';
import { StoreClock, realIds } from './clock.ts';
import type { Config } from './config.ts';
import { PolicyFile } from './content/policy-file.ts';
import { Pictures } from './content/pictures.ts';
import { Strikes } from './content/strikes.ts';
import { ContentPolicy } from './content/policy.ts';
import { makeCore } from './core.ts';
import { DAY_MS, Housekeeping } from './housekeeping.ts';
import type { Host } from './host.ts';
import type { AppOptions } from './http/app.ts';
import { LocalCounter, withFallback } from './http/rates.ts';
import { startServer } from './http/server.ts';
import { historyOf } from './inspector/history.ts';
import { Inspector } from './inspector/inspector.ts';
import { Metrics } from './metrics.ts';
import { readModelRules } from './model-rules.ts';
import { readPlans } from './plans.ts';
import { readStyles } from './styles/styles.ts';
import { Reconciliation } from './payments/reconciliation.ts';
import { Till, type TillSeams } from './payments/till.ts';
import { refuseOtherMode } from './payments/modes.ts';
import { planOfPrice } from './payments/articles.ts';
import { PositionLoop } from './positions.ts';
import { storedFor } from './stored.ts';
import { bringForward } from './stragglers.ts';
import { registryFor } from './versions.ts';
import { Deliveries } from './webhooks/deliveries.ts';
import { Egress } from './webhooks/egress.ts';

const DRAIN_MS = 10_000;

export interface Runtime {
  /** Where it can be reached from this machine. */
  readonly address: string;
  /** Resolves when everything that was accepted is committed. */
  stop(): Promise<void>;
}

/**
 * @param config with `databaseUrl` set
 * @param siteFolder what `vite build web` made; null for an API without a website
 */
export async function startRuntime(config: Config, siteFolder: string | null): Promise<Runtime> {
  if (config.databaseUrl === null)
    throw new Error(
      'Set DATABASE_URL to a PostgreSQL database, or use `tessera up`, which brings one.',
    );
  const modelRules = readModelRules(config.modelRules.path, config.modelRules.isNamed);
  const plans = readPlans(config.plans.path, config.plans.isNamed, config.kept.filesDays);
  const styles = readStyles(config.styles.path, config.styles.isNamed);
  const registry = registryFor(plans);
  const log = pino({
    level: config.logLevel,
    redact: ['req.headers.authorization', 'req.headers.cookie'],
  });
  const channel = config.redisUrl
    ? await RedisChannel.connect({ url: config.redisUrl })
    : new PostgresChannel({ url: config.databaseUrl });
  const clock = new StoreClock();
  const policy = await PolicyFile.open({
    ...{ ...config.content, clock, log: (message) => log.warn(message) },
  });
  const content = new ContentPolicy(policy);
  const metrics = new Metrics();
  const store = metrics.measured(new PostgresStore({ url: config.databaseUrl }));
  const pool = await createDatabasePool({ url: config.databaseUrl });
  const blobs = await LocalBlobs.open(join(config.home, 'blobs'));
  const media = await ChildMedia.open(join(config.home, 'scratch'));
  const pictures = new Pictures({
    ...{ isOn: config.checksPictures, file: policy, pool, blobs, media, store },
    log: (message) => log.warn(message),
    count: (outcome) => metrics.picturesChecked.inc({ outcome }),
  });
  const inspector = new Inspector({
    ...{ store, clock, history: historyOf(store, pool) },
    log: (message) => log.warn(message),
  });
  const runtimeId = config.runtimeId ?? `${hostname()}:${process.pid}`;
  const presence = new PostgresPresence({ url: config.databaseUrl, runtimeId });
  const core = makeCore({
    store,
    clock,
    registry,
    ids: realIds,
    isStored: storedFor(pool, blobs),
    pictures,
    runtimeId,
    channel,
    presence,
    readPauses: () => listPauses(pool),
    version: packageJson.version,
    log: (message) => log.warn(message),
    observe: (component) => {
      metrics.observe(component);
      inspector.committed(component);
    },
    leftAlone: (row) => metrics.leftAlone(row),
  });
  const { turns, dispatcher, pauses, times, live, sessions } = core;
  const till = new Till({
    ...{
      pool,
      clock,
      ids: realIds,
      post: turns.post.bind(turns),
      rails: railsOf(config, plans, clock),
    },
    log: (message) => log.warn(message),
  });
  await refuseOtherMode(pool, till);
  const payments = new Reconciliation({
    ...{ pool, clock, till, log: (message) => log.warn(message) },
  });
  const host: Host = {
    ...{
      config,
      store,
      pool,
      blobs,
      media,
      clock,
      ids: realIds,
      turns,
      dispatcher,
      pauses,
      times,
      live,
      sessions,
      metrics,
      inspector,
      modelRules,
      plans,
      styles,
      content,
      signIn: signInWith(config),
      pictures,
      strikes: new Strikes(pool, clock),
      till,
    },
  };
  metrics.watch(() => dispatcher.status());
  const housekeeping = new Housekeeping({
    ...{ pool, blobs, clock },
    retention: { jobsMs: config.kept.jobsDays * DAY_MS, filesMs: config.kept.filesDays * DAY_MS },
    log: (message) => log.warn(message),
    count: (what, rows) => metrics.swept(what, rows),
    bringForward: (limit) =>
      bringForward(
        pool,
        { registry, post: turns.post.bind(turns), log: (message) => log.warn(message) },
        limit,
      ),
  });
  const positions = new PositionLoop({ dispatcher, live, clock });

  const deliveries = new Deliveries({
    ...{ pool, clock, ids: realIds, egress: new Egress({ allowed: config.webhookTargets }) },
    log: (message) => log.warn(message),
  });

  await housekeeping.prepare();
  await core.start();
  if (channel.isSlow && (presence.others ?? 0) > 0)
    log.warn(
      'Another runtime works on this database and REDIS_URL is not set: people see the picture form only at the runtime that their worker is connected to.',
    );
  const sharedCounter = config.redisUrl ? new RedisCounter({ url: config.redisUrl }) : null;
  let isStopping = false;
  const server = await startServer(host, {
    site: await siteHandler(siteFolder),
    whyNotReady: () => (isStopping ? 'This runtime is stopping.' : null),
    rateCounter: sharedCounter ? withFallback(sharedCounter) : new LocalCounter(),
    log,
  });
  housekeeping.start();
  positions.start();
  deliveries.start();
  payments.start();
  return {
    address: server.address,
    async stop() {
      isStopping = true;
      await Promise.all([
        housekeeping.stop(),
        positions.stop(),
        deliveries.stop(),
        payments.stop(),
      ]);
      await server.stop(DRAIN_MS);
      sharedCounter?.close();
      media.stop();
      await core.stop();
      await store.close();
      await pool.end();
    },
  };
}

/** Where nobody can prove who they are there is one local person, who needs no passkey either. */
/** The ways of being paid that the operator has set up. */
function railsOf(config: Config, plans: PlanTable, clock: StoreClock): TillSeams['rails'] {
  const { stripe } = config.payments;
  const now = () => clock.now();
  return {
    ...(stripe ? { stripe: stripeRail({ ...stripe, planOfPrice: planOfPrice(plans), now }) } : {}),
  };
}

function signInWith({ signIn, publicUrl, isLocalMode }: Config): SignIn {
  if (isLocalMode || publicUrl === null) return NO_SIGN_IN;
  const providers = [
    ...(signIn.discord ? [discord(signIn.discord)] : []),
    ...(signIn.telegram ? [telegram(signIn.telegram)] : []),
  ];
  const apps = signIn.miniAppBots.length > 0 ? miniApps(signIn.miniAppBots) : null;
  return { providers, miniApps: apps, passkeys: passkeys(publicUrl) };
}

/** The website is a build of its own and is found by path: its sources are not ours to import. */
async function siteHandler(folder: string | null): Promise<AppOptions['site']> {
  if (folder === null) return null;
  const built = (await import(pathToFileURL(join(folder, 'handler.js')).href)) as {
    handler: NonNullable<AppOptions['site']>;
  };
  return built.handler;
}
