// Which runtimes are alive: each keeps a connection to the database under its name, which ends with the
// process, whatever killed it. So the leases of one that died are free at once, not when they run out. A
// wrong guess does no harm: every commit under a lease is fenced by its term.
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { inTurn } from './in-turn.ts';

const LOOK_MS = 1_000;
/** What is left of a process that was killed is gone by then. */
const NAME_FREE_WITHIN_MS = 5_000;
const ANSWER_TIMEOUT_MS = 3_000;
const PREFIX = 'tessera-runtime-';

/** Names of connections are short, and ids may be long. Written in SQL below, too. */
const nameOf = (runtimeId: string): string =>
  PREFIX + createHash('sha256').update(runtimeId).digest('hex').slice(0, 32);

const NAMES = `select application_name as name from pg_stat_activity
  where datname = current_database() and starts_with(application_name, '${PREFIX}')`;

/** Of two that come at the same time, one is the older. */
const OLDER_OF_THE_NAME = `select count(*)::int as n from pg_stat_activity other
  join pg_stat_activity own on own.pid = pg_backend_pid()
  where other.datname = own.datname and other.application_name = own.application_name
    and (other.backend_start, other.pid) < (own.backend_start, own.pid)`;

const END_LEASES = `update leases l set holder = null, expires_at = clock_timestamp()
  where l.holder <> $1 and l.expires_at > clock_timestamp() and not exists (
    select from pg_stat_activity a where a.datname = current_database() and a.application_name =
      '${PREFIX}' || left(encode(sha256(convert_to(l.holder, 'UTF8')), 'hex'), 32))`;

export class PostgresPresence {
  readonly #url: string;
  readonly #runtimeId: string;
  readonly #nameFreeWithinMs: number;
  readonly #stop = new AbortController();
  readonly #inTurn = inTurn();
  #client: pg.Client | null = null;
  #names: ReadonlySet<string> | null = null;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly url: string;
    readonly runtimeId: string;
    readonly nameFreeWithinMs?: number;
  }) {
    this.#url = options.url;
    this.#runtimeId = options.runtimeId;
    this.#nameFreeWithinMs = options.nameFreeWithinMs ?? NAME_FREE_WITHIN_MS;
  }

  /**
   * Resolves when others can see us.
   * @throws Error with what to do when somebody of our name is already here
   */
  async open(): Promise<void> {
    await this.#look();
    await this.#beTheOnlyOne().catch(async (error: unknown) => {
      await this.close();
      throw error;
    });
    this.#loop = this.#run();
  }

  /** Two of one name would hold the same leases in the same term, and take each other's sockets for theirs. */
  async #beTheOnlyOne(): Promise<void> {
    for (let waitedMs = 0; waitedMs <= this.#nameFreeWithinMs; waitedMs += LOOK_MS / 10) {
      const mine = await this.#inTurn(
        async () => await this.#client?.query<{ n: number }>(OLDER_OF_THE_NAME),
      );
      if (mine?.rows[0]?.n === 0) return;
      await delay(LOOK_MS / 10);
    }
    throw new Error(
      `Another runtime named ${this.#runtimeId} works on this database. Give each its own TESSERA_RUNTIME_ID.`,
    );
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
    await this.#inTurn(async () => await this.#client?.query(END_LEASES, [this.#runtimeId]));
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
      const client = (this.#client ??= await this.#connect());
      const { rows } = await this.#inTurn(() => client.query<{ name: string }>(NAMES));
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
