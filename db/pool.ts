// The pool for ordinary queries (`queries/*.ts`): every row is checked against its zod schema. Turns do
// not come by here; they go through the Store.
import { createPgDriverFactory } from '@slonik/pg-driver';
import {
  createPool,
  type DatabasePool,
  type DriverTypeParser,
  type Interceptor,
  SchemaValidationError,
} from 'slonik';
import { withDeadline, withPlaces } from './bounded-pool.ts';

export interface PoolOptions {
  readonly url: string;
  readonly connectionsMax?: number;
  /** Also how long a call waits for one of the connections. */
  readonly connectTimeoutMs?: number;
  /** Postgres cancels a statement that takes longer. */
  readonly statementTimeoutMs?: number;
  /** How long we wait for an answer, when the network has swallowed it. */
  readonly answerTimeoutMs?: number;
}

/** A statement that was given up is not waited for a second time. */
const GIVEN_UP_MS = 200;

export async function createDatabasePool({
  url,
  connectionsMax = 10,
  connectTimeoutMs = 5_000,
  statementTimeoutMs = 10_000,
  answerTimeoutMs = statementTimeoutMs + 5_000,
}: PoolOptions): Promise<DatabasePool> {
  const pool = await createPool(url, {
    maxPoolSize: connectionsMax,
    connectionTimeout: connectTimeoutMs,
    statementTimeout: statementTimeoutMs,
    gracefulTerminationTimeout: GIVEN_UP_MS,
    driverFactory: withDeadline(createPgDriverFactory(), answerTimeoutMs),
    idleTimeout: 60_000,
    typeParsers: [safeInteger, time],
    interceptors: [checkRows],
    // The default, DISCARD ALL, costs a round trip per query; our queries leave nothing in the session.
    resetConnection: async () => undefined,
  });
  // Without a listener Node ends the process when Postgres goes away. Callers get their own errors.
  pool.on('error', () => undefined);
  return withPlaces(pool, connectionsMax, connectTimeoutMs);
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
