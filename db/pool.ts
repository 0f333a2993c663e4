// The pool for ordinary queries (`queries/*.ts`): every row is checked against its zod schema. Turns do
// not come by here; they go through the Store.
import {
  createPool,
  type DatabasePool,
  type DriverTypeParser,
  type Interceptor,
  SchemaValidationError,
} from 'slonik';

export interface PoolOptions {
  readonly url: string;
  readonly connectionsMax?: number;
  readonly connectTimeoutMs?: number;
  readonly statementTimeoutMs?: number;
}

export async function createDatabasePool({
  url,
  connectionsMax = 10,
  connectTimeoutMs = 5_000,
  statementTimeoutMs = 10_000,
}: PoolOptions): Promise<DatabasePool> {
  const pool = await createPool(url, {
    maxPoolSize: connectionsMax,
    connectionTimeout: connectTimeoutMs,
    statementTimeout: statementTimeoutMs,
    idleTimeout: 60_000,
    typeParsers: [safeInteger, time],
    interceptors: [checkRows],
    // The default, DISCARD ALL, costs a round trip per query; our queries leave nothing in the session.
    resetConnection: async () => undefined,
  });
  // Without a listener Node ends the process when Postgres goes away. Callers get their own errors.
  pool.on('error', () => undefined);
  return pool;
}

const safeInteger: DriverTypeParser = {
  name: 'int8',
  parse: (text) => {
    const value = Number(text);
    if (Number.isSafeInteger(value)) return value;
    throw new RangeError(`The database holds ${text}, which is too large for an exact number.`);
  },
};

/** Times are milliseconds since 1970, as everywhere in the code. */
const time: DriverTypeParser = { name: 'timestamptz', parse: (text) => Date.parse(text) };

const checkRows: Interceptor = {
  name: 'tessera-check-rows',
  transformRowAsync: async ({ resultParser }, query, row) => {
    if (resultParser === undefined) return row;
    const result = await resultParser['~standard'].validate(row);
    if (result.issues !== undefined) throw new SchemaValidationError(query, row, result.issues);
    return result.value as typeof row;
  },
};
