// The store's connections: their settings, and what an error on one of them means. Nothing here ever
// throws outside a call: when Postgres dies, callers get an error and the next call connects anew.
import pg from 'pg';
import { StoreUnavailable } from './store.ts';

/** One server process of Postgres; its number alone may be given to another process later. */
export interface Backend {
  readonly pid: number;
  readonly startedAt: string;
}

export interface ConnectionOptions {
  readonly url: string;
  readonly connectionsMax?: number;
  readonly connectTimeoutMs?: number;
  /** Postgres cancels a statement that takes longer. */
  readonly statementTimeoutMs?: number;
  /** How long we wait for an answer, when the network has swallowed it. */
  readonly answerTimeoutMs?: number;
}

/** The connection broke after the statement was sent. */
export class ConnectionLost extends Error {
  readonly backend: Backend;
  constructor(backend: Backend, options: ErrorOptions) {
    super('The connection to the database broke during a statement.', options);
    this.name = 'ConnectionLost';
    this.backend = backend;
  }
}

export interface Statement {
  readonly name: string;
  readonly text: string;
}

export class Connections {
  readonly #pool: pg.Pool;
  readonly #backends = new WeakMap<pg.PoolClient, Backend>();
  readonly #statementTimeoutMs: number;
  readonly #answerTimeoutMs: number;

  constructor({
    url,
    connectionsMax = 8,
    connectTimeoutMs = 5_000,
    statementTimeoutMs = 10_000,
    answerTimeoutMs = statementTimeoutMs + 5_000,
  }: ConnectionOptions) {
    this.#statementTimeoutMs = statementTimeoutMs;
    this.#answerTimeoutMs = answerTimeoutMs;
    this.#pool = new pg.Pool({
      connectionString: url,
      max: connectionsMax,
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
      application_name: 'tessera-store',
    });
    // Without a listener Node ends the process when Postgres goes away: the pool speaks for idle
    // clients, each client for itself while it is lent out.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /** Rows as arrays. Throws `StoreUnavailable`, `ConnectionLost`, or the error Postgres answered. */
  async query(statement: Statement, values: readonly unknown[]): Promise<readonly unknown[][]> {
    const client = await this.#lend();
    const backend = this.#backends.get(client);
    if (backend === undefined) throw new Error('A lent connection has been prepared.');
    try {
      const result = await client.query<unknown[]>({
        ...statement,
        values: [...values],
        rowMode: 'array',
        query_timeout: this.#answerTimeoutMs,
      } as pg.QueryArrayConfig);
      client.release();
      return result.rows;
    } catch (error) {
      const verdict = judge(error);
      client.release(verdict !== 'answered');
      if (verdict === 'lost') throw new ConnectionLost(backend, { cause: error });
      if (verdict === 'notSent') throw unavailable(error);
      throw refusesForNow(error) ? unavailable(error) : error;
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #lend(): Promise<pg.PoolClient> {
    let client: pg.PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw unavailable(error);
    }
    if (this.#backends.has(client)) return client;
    try {
      this.#backends.set(client, await this.#prepare(client));
      return client;
    } catch (error) {
      client.release(true);
      throw unavailable(error);
    }
  }

  async #prepare(client: pg.PoolClient): Promise<Backend> {
    const settings = { ...PLANNING, statement_timeout: String(this.#statementTimeoutMs) };
    const calls = Object.entries(settings).map(
      ([name, value]) => `set_config('${name}', '${value}', false)`,
    );
    const { rows } = await client.query<[number, string]>({
      text: `select pg_backend_pid(), (select backend_start::text from pg_stat_activity
        where pid = pg_backend_pid()), ${calls.join(', ')}`,
      rowMode: 'array',
      query_timeout: this.#answerTimeoutMs,
    } as pg.QueryArrayConfig);
    const [row] = rows;
    if (row === undefined) throw new Error('The database did not describe the connection.');
    return { pid: row[0], startedAt: row[1] };
  }
}

/**
 * Every statement here reads and writes by key. Planned once per connection (planning the commit costs
 * more than running it) and never by scanning: a plan made while a table was empty would scan it for good.
 */
export const PLANNING = {
  plan_cache_mode: 'force_generic_plan',
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  jit: 'off',
};

function judge(error: unknown): 'answered' | 'notSent' | 'lost' {
  if (error instanceof pg.DatabaseError) {
    const { code = '', severity = '' } = error;
    // FATAL and PANIC end the connection; whether the commit was before or after is not said.
    const ended =
      /^(FATAL|PANIC)$/.test(severity) || code.startsWith('08') || code.startsWith('57P');
    return ended ? 'lost' : 'answered';
  }
  return /not queryable/.test(String(error)) ? 'notSent' : 'lost';
}

/** Errors that say nothing about our statement: resources, timeouts, a standby. */
function refusesForNow(error: unknown): boolean {
  const code = error instanceof pg.DatabaseError ? (error.code ?? '') : '';
  return code.startsWith('53') || ['57014', '55P03', '25006'].includes(code);
}

const unavailable = (cause: unknown): StoreUnavailable =>
  new StoreUnavailable(`The database cannot be used right now: ${(cause as Error).message}`, {
    cause,
  });
