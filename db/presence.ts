// Which runtimes are alive: each keeps a connection to the database under its name, which ends with the
// process, whatever killed it. So the leases of one that died are free at once, not when they run out. A
// wrong guess does no harm: every commit under a lease is fenced by its term.
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';

const LOOK_MS = 1_000;
const ANSWER_TIMEOUT_MS = 3_000;
const PREFIX = 'tessera-runtime-';

/** Names of connections are short, and ids may be long. Written in SQL below, too. */
const nameOf = (runtimeId: string): string =>
  PREFIX + createHash('sha256').update(runtimeId).digest('hex').slice(0, 32);

const NAMES = `select application_name as name from pg_stat_activity
  where datname = current_database() and starts_with(application_name, '${PREFIX}')`;

const END_LEASES = `update leases l set holder = null, expires_at = clock_timestamp()
  where l.holder <> $1 and l.expires_at > clock_timestamp() and not exists (
    select from pg_stat_activity a where a.datname = current_database() and a.application_name =
      '${PREFIX}' || left(encode(sha256(convert_to(l.holder, 'UTF8')), 'hex'), 32))`;

export class PostgresPresence {
  readonly #url: string;
  readonly #runtimeId: string;
  readonly #stop = new AbortController();
  #client: pg.Client | null = null;
  #names: ReadonlySet<string> | null = null;
  #loop: Promise<void> = Promise.resolve();

  constructor({ url, runtimeId }: { readonly url: string; readonly runtimeId: string }) {
    this.#url = url;
    this.#runtimeId = runtimeId;
  }

  /** Resolves when others can see us. */
  async open(): Promise<void> {
    await this.#look();
    this.#loop = this.#run();
  }

  /** Null while it cannot be told. */
  isHere(runtimeId: string): boolean | null {
    return this.#names && this.#names.has(nameOf(runtimeId));
  }

  /** Null while it cannot be told. */
  get others(): number | null {
    return this.#names && this.#names.size - (this.isHere(this.#runtimeId) ? 1 : 0);
  }

  /** Those who are not here any more hold nothing. Only for a runtime that is itself seen by the others. */
  async endLeasesOfTheGone(): Promise<void> {
    await this.#client?.query(END_LEASES, [this.#runtimeId]);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await this.#look().catch(() => undefined); // looked at again in a second
    }
  }

  async #look(): Promise<void> {
    try {
      this.#client ??= await this.#connect();
      const { rows } = await this.#client.query<{ name: string }>(NAMES);
      this.#names = new Set(rows.map(({ name }) => name));
    } catch (error) {
      this.#forget(this.#client);
      throw error;
    }
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.#url,
      connectionTimeoutMillis: ANSWER_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      keepAlive: true,
      application_name: nameOf(this.#runtimeId),
    });
    client.on('error', () => this.#forget(client));
    client.on('end', () => this.#forget(client));
    await client.connect();
    // The other way round, too: a machine that vanished is noticed in seconds, not in hours.
    await client.query(
      'set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3',
    );
    return client;
  }

  #forget(client: pg.Client | null): void {
    if (this.#client !== client) return;
    this.#client = null;
    this.#names = null;
    client?.connection.stream.destroy();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    const client = this.#client;
    this.#client = null;
    this.#names = null;
    await client?.end().catch(() => undefined);
  }
}
