// Test equipment: a whole runtime behind its HTTP side, on a database and a folder of its own. Requests are
// injected: nothing listens.
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { InjectOptions } from 'fastify';
import { LocalBlobs } from '../../adapters/blobs/local-blobs.ts';
import { createDatabasePool } from '../../db/pool.ts';
import { PostgresStore } from '../../db/postgres-store.ts';
import { ensureAccount } from '../../db/queries/accounts.ts';
import { listPauses } from '../../db/queries/pauses.ts';
import { insertApiKey } from '../../db/queries/api-keys.ts';
import { testDatabase } from '../../db/testing.ts';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import type { MediaCheck } from '../../machines/contract/media.ts';
import { NO_SIGN_IN, type SignIn } from '../../machines/contract/sign-in.ts';
import type { AgentFrameOf } from '../../machines/contract/worker-protocol.ts';
import { realIds, StoreClock, type Clock } from '../clock.ts';
import { readConfig, type Config } from '../config.ts';
import { parsePolicy } from '../content/policy-file.ts';
import { Pictures } from '../content/pictures.ts';
import { Strikes } from '../content/strikes.ts';
import { ContentPolicy } from '../content/policy.ts';
import { makeCore } from '../core.ts';
import type { Host } from '../host.ts';
import { historyOf } from '../inspector/history.ts';
import { Inspector } from '../inspector/inspector.ts';
import { makeKey, workerIdOf, type KeyKind, type Platform } from '../keys.ts';
import { DEFAULT_PLANS, type PlanTable } from '../../machines/contract/plans.ts';
import { Metrics } from '../metrics.ts';
import { registryFor } from '../versions.ts';
import { Till, type TillSeams } from '../payments/till.ts';
import { FOR_EVERYBODY, type ModelRules } from '../model-rules.ts';
import { storedFor } from '../stored.ts';
import { houseStyles } from '../styles/styles.ts';
import { TestAgent } from '../testing.ts';
import { buildApp, type AppOptions } from './app.ts';

/** The store's clock, which a test may set ahead. */
class AheadClock extends StoreClock {
  aheadMs = 0;
  override now(): number {
    return super.now() + this.aheadMs;
  }
}

/** Most tests send what only begins like a picture. */
const AS_SENT: MediaCheck = {
  look: () => Promise.reject(new Error('Nobody looks at pictures here.')),
  async clean(body, mediaType) {
    const all = Buffer.concat(await Array.fromAsync(body));
    const whole = () => Readable.from([all]);
    return { mediaType: mediaType(), body: whole, discard: () => Promise.resolve() };
  },
};

/** Tests ask more often than anybody may. */
const UNLIMITED = { account: 1e8, key: 1e8, frontend: 1e8, network: 1e8 };

export type TestRuntime = Awaited<ReturnType<typeof startTestRuntime>>;

export async function startTestRuntime(
  options: Partial<AppOptions> & {
    readonly config?: Partial<Config>;
    readonly modelRules?: ModelRules;
    readonly signIn?: SignIn;
    readonly rails?: (clock: Clock) => TillSeams['rails'];
    readonly plans?: PlanTable;
    /** What the operator's file says of content. */
    readonly content?: object;
    /** What looks at uploads; as it is, they are kept as they were sent. */
    readonly media?: MediaCheck;
    readonly hellosMax?: number;
    /** A way to the database that a test can break. */
    readonly through?: (url: string) => Promise<string>;
  } = {},
) {
  const database = await testDatabase();
  const url = (await options.through?.(database.url)) ?? database.url;
  const folder = await mkdtemp(join(tmpdir(), 'tessera-http-'));
  const clock = new AheadClock();
  const metrics = new Metrics({ withProcess: false });
  const store = metrics.measured(new PostgresStore({ url }));
  const blobs = await LocalBlobs.open(folder);
  const pool = await createDatabasePool({ url });
  const log = () => undefined;
  const said = parsePolicy(JSON.stringify(options.content ?? {}), 'content.json');
  const policy = { current: () => Promise.resolve(said) };
  const media = options.media ?? AS_SENT;
  const pictures = new Pictures({
    ...{ isOn: options.config?.checksPictures ?? false, file: policy, pool, blobs, media, store },
    log: () => undefined,
    count: (outcome) => metrics.picturesChecked.inc({ outcome }),
  });
  const inspector = new Inspector({ store, clock, history: historyOf(store, pool), log });
  const core = makeCore({
    store,
    clock,
    ids: realIds,
    isStored: storedFor(pool, blobs),
    pictures,
    registry: registryFor(options.plans ?? DEFAULT_PLANS),
    runtimeId: 'runtime-1',
    version: 'test',
    readPauses: () => listPauses(pool),
    ...(options.hellosMax === undefined ? {} : { hellosMax: options.hellosMax }),
    log,
    observe: (component) => {
      metrics.observe(component);
      inspector.committed(component);
    },
  });
  const { turns, dispatcher, pauses, times, live, sessions } = core;
  const host: Host = {
    config: { ...readConfig({}), rates: UNLIMITED, ...options.config },
    ...{
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
    },
    modelRules: options.modelRules ?? FOR_EVERYBODY,
    plans: options.plans ?? DEFAULT_PLANS,
    styles: houseStyles,
    signIn: options.signIn ?? NO_SIGN_IN,
    content: new ContentPolicy(policy),
    strikes: new Strikes(pool, clock),
    pictures,
    till: new Till({
      ...{ pool, clock, ids: realIds, log, rails: options.rails?.(clock) ?? {} },
      post: turns.post.bind(turns),
    }),
  };
  metrics.watch(() => dispatcher.status());
  await core.start();
  const app = await buildApp(host, {
    site: null,
    whyNotReady: () => null,
    checksAnswers: true,
    ...options,
  });
  await app.ready();

  const key = async (
    kind: KeyKind,
    accountId = 'acc_a',
    platform: Platform | null = null,
    scopes: string | null = null,
  ) => {
    const made = makeKey(kind, platform);
    await ensureAccount(pool, accountId);
    await insertApiKey(pool, { ...made, accountId, name: 'test', scopes });
    return made;
  };

  return {
    ...{ host, core, app, clock, blobs, url: database.url },
    key,
    /** Sends with a key of its own kind, `json` as the body. */
    async call({
      key: bearer,
      json,
      ...rest
    }: InjectOptions & { key?: string; json?: unknown } = {}) {
      const response = await app.inject({
        method: json === undefined ? 'GET' : 'POST',
        ...rest,
        headers: {
          ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
          ...(json === undefined ? {} : { 'content-type': 'application/json' }),
          ...rest.headers,
        },
        ...(json === undefined ? {} : { payload: JSON.stringify(json) }),
      });
      return response;
    },
    /** A WebSocket from this machine, which no network carries. */
    dial: (
      path: string,
      headers: Readonly<Record<string, string>>,
      hooks: Parameters<typeof app.injectWS>[2] = {},
    ) =>
      app.injectWS(
        path,
        {
          headers: { host: 'localhost', ...headers },
          socket: { remoteAddress: '127.0.0.1' } as Socket,
        },
        hooks,
      ),
    /** A worker that is connected without a socket. */
    async worker(hello: Partial<AgentFrameOf<'hello'>> = {}) {
      const { id, key: bearer } = await key('worker', SYSTEM_ACCOUNT);
      const agent = new TestAgent(core, workerIdOf(id));
      agent.hello(hello);
      await until(() => agent.of('welcome').length > 0);
      await until(() => dispatcher.models().some(({ status }) => status !== 'offline'));
      return { agent, key: bearer, id: workerIdOf(id) };
    },
    async stop() {
      await app.close();
      await core.stop();
      await store.close();
      await pool.end();
      await database.drop();
      await rm(folder, { recursive: true });
    },
  };
}

/** Looks again after each turn of the event loop, until the test's own time limit. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
}

export const blobIdOf = (bytes: Buffer): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** The smallest file that is recognised as a picture. */
export const PNG = Buffer.concat([
  Buffer.from('89504e470d0a1a0a', 'hex'),
  Buffer.from('not a whole picture, but nobody here decodes it'),
]);
