// kill -9 of the runtime with a full queue: how soon its successor takes a turn, and how soon it gives work
// again. The real runtime and the agents' sockets, seen from outside.
import { migrate } from '../../db/migrate.ts';
import { createDatabasePool } from '../../db/pool.ts';
import { ask } from './books.ts';
import type { Server } from './database.ts';
import { accountOf, SLOTS_PER_WORKER, startEngine } from './engine.ts';
import { BLOB, NoOpAgent } from './no-op-agent.ts';
import { newKey, ready, startRuntimeProcess } from './runtime-process.ts';
import { settings } from './settings.ts';
import { client, dialWorker } from './wire.ts';

/** Jobs of one account. */
const EACH = 50;
const SUBMITS_AT_ONCE = 1_000;
const WORKERS = 4;
/** Long enough that a kill always meets work under way. */
const RUN_MS = 50;
const RETRY_MS = 10;

export async function measureRecovery(server: Server): Promise<object> {
  const { live, kills } = settings.recovery;
  return server.inFreshDatabase('recovery', async (url) => {
    await migrate(url);
    await fillQueue(url, live);
    const rows: object[] = [];
    const crowd = await Crowd.start(url);
    for (let kill = 0; kill < kills; kill++) rows.push(await crowd.killAndWatch());
    await crowd.stop();
    await checkCharges(url);
    return rows;
  });
}

async function fillQueue(url: string, live: number): Promise<void> {
  const accounts = Math.ceil(live / EACH);
  const fail = (error: Error) => console.error(error);
  const engine = await startEngine({ url, accounts, fail });
  for (let first = 0; first < live; first += SUBMITS_AT_ONCE) {
    const count = Math.min(SUBMITS_AT_ONCE, live - first);
    await Promise.all(Array.from({ length: count }, (_, n) => engine.submit(first + n)));
  }
  await engine.stop();
  const owners = Array.from({ length: accounts }, (_, n) => accountOf(n, accounts));
  const blobs = `insert into blobs (account_id, id, bytes, media_type)
    select owner, $2, 1, 'image/png' from unnest($1::text[]) as owner`;
  await ask(url, blobs, [owners, BLOB]);
}

/** Agents that dial again and again, and somebody who asks for one more picture. */
class Crowd {
  readonly #url: string;
  readonly #started = new Set<string>();
  readonly #agents: NoOpAgent[] = [];
  #runtime: Awaited<ReturnType<typeof startRuntimeProcess>>;
  #authorization = '';
  #dispatched: () => void = () => undefined;

  private constructor(url: string, runtime: Awaited<ReturnType<typeof startRuntimeProcess>>) {
    this.#url = url;
    this.#runtime = runtime;
  }

  static async start(url: string): Promise<Crowd> {
    const pool = await createDatabasePool({ url });
    const runtime = await startRuntimeProcess({ url, fail: console.error });
    const crowd = new Crowd(url, runtime);
    crowd.#authorization = `Bearer ${await newKey(pool, 'frontend')}`;
    await ready(runtime);
    for (let n = 0; n < WORKERS; n++) {
      const dial = dialWorker(runtime.port, await newKey(pool, 'worker'));
      const handler = ({ job }: { readonly job: string }) => crowd.#run(job);
      const options = { name: `no-op ${n}`, slots: SLOTS_PER_WORKER, dial, handler };
      crowd.#agents.push(
        new NoOpAgent({ ...options, settled: () => undefined, redialMs: RETRY_MS }),
      );
    }
    await pool.end();
    return crowd;
  }

  #run(job: string): Promise<void> {
    if (!this.#started.has(job)) this.#dispatched();
    this.#started.add(job);
    return new Promise((resolve) => setTimeout(resolve, RUN_MS));
  }

  #nextDispatch(): Promise<void> {
    return new Promise((resolve) => (this.#dispatched = resolve));
  }

  async killAndWatch(): Promise<object> {
    for (let n = 0; n < 4 * WORKERS * SLOTS_PER_WORKER; n++) await this.#nextDispatch();
    await this.#runtime.kill();
    const killed = performance.now();
    const { port } = this.#runtime;
    this.#runtime = await startRuntimeProcess({ url: this.#url, port, fail: console.error });
    const elapsed = () => Math.round(performance.now() - killed);
    const [serving, turn, dispatch] = await Promise.all([
      ready(this.#runtime).then(elapsed),
      this.#untilAnswered(port).then(elapsed),
      this.#nextDispatch().then(elapsed),
    ]);
    return { 'serves, ms': serving, 'first turn, ms': turn, 'dispatches again, ms': dispatch };
  }

  /** The answer to a submit comes after its commit. */
  async #untilAnswered(port: number): Promise<void> {
    const { ask: call, close } = client(port);
    const headers = {
      ...{ authorization: this.#authorization, 'tessera-user': 'telegram:1' },
      'content-type': 'application/json',
    };
    const body = JSON.stringify({ modality: 'image', model: 'no-op', prompt: 'one more' });
    while (!(await call('POST', '/v1/jobs', headers, body).then(Boolean, () => false)))
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    close();
  }

  async stop(): Promise<void> {
    for (const agent of this.#agents) agent.close();
    await this.#runtime.stop();
  }
}

/** Most jobs still wait, so the whole books cannot be closed; but nobody may be charged twice, or for nothing. */
async function checkCharges(url: string): Promise<void> {
  const [found] = await ask<Record<string, number>>(
    url,
    `select (select count(*)::int from ledger where book = 'system:spent') as charged,
       (select count(distinct job_id)::int from ledger where book = 'system:spent') as jobs,
       (select count(*)::int from actors where kind = 'job' and state = 'succeeded') as succeeded,
       (select coalesce(sum(amount_mt), 0)::int from ledger) as sum`,
  );
  const { charged, jobs, succeeded, sum } = found!;
  if (charged !== jobs || charged !== succeeded || sum !== 0)
    throw new Error(`The books are wrong after the kills: ${JSON.stringify(found)}`);
}
