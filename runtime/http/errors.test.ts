// What each kind of trouble looks like from outside.
import fastify from 'fastify';
import { ConnectionError, SchemaValidationError } from 'slonik';
import { describe, expect, it } from 'vitest';
import { InvalidCursor } from '../../db/queries/cursor.ts';
import { StoreUnavailable, UnknownOutcome } from '../../db/store.ts';
import { BlobMissing, BlobTooLarge } from '../../machines/contract/blobs.ts';
import { jobRef } from '../../machines/contract/ids.ts';
import { problem as problemShape } from '../../machines/contract/views.ts';
import { Overloaded } from '../mailbox.ts';
import { Metrics } from '../metrics.ts';
import { Parked, Poison } from '../parking.ts';
import { refusedBy } from '../refusals.ts';
import { errorHandler } from './errors.ts';
import { PROBLEMS, refuse, type ProblemCode } from './problems.ts';

const SECRET = 'postgres://tessera:hunter2@10.0.0.7/db';
const job = jobRef('acc_a', 'job_1');

async function answerTo(error: unknown) {
  const metrics = new Metrics({ withProcess: false });
  const app = fastify({ genReqId: () => 'req_1' });
  app.setErrorHandler(errorHandler(metrics));
  app.get('/', () => {
    throw error;
  });
  const answer = await app.inject('/');
  return { answer, told: problemShape.parse(answer.json()), metrics };
}

describe('trouble', () => {
  it.each<[string, unknown, ProblemCode]>([
    ['a full mailbox', new Overloaded('10000 events are waiting.'), 'overloaded'],
    ['a store that is away', new StoreUnavailable(SECRET), 'unavailable'],
    ['a commit of unknown outcome', new UnknownOutcome('batch-1'), 'unavailable'],
    ['a pool that is away', new ConnectionError(SECRET), 'unavailable'],
    ['a killed backend', Object.assign(new Error(SECRET), { code: 'ECONNRESET' }), 'unavailable'],
    ['a parked actor', new Parked(job), 'parked'],
    [
      'a poisoned event',
      new Poison(job, { type: 'job.cancelRequested' }, SECRET, new Map()),
      'parked',
    ],
    ['a cursor of somebody else', new InvalidCursor(), 'invalid_request'],
    ['a file that is too large', new BlobTooLarge('At most 5 bytes are accepted.'), 'too_large'],
    ['a file that is gone', new BlobMissing('sha256:x is not stored.'), 'not_found'],
    ['a row that is not what it should be', schemaError(), 'internal'],
    ['a bug', new TypeError(`Cannot read properties of ${SECRET}`), 'internal'],
    ['something that is no error', SECRET, 'internal'],
    ['an error that lies about its status', { statusCode: 200 }, 'internal'],
    [
      'an error of the framework',
      Object.assign(new Error(SECRET), { statusCode: 431 }),
      'invalid_request',
    ],
  ])('%s', async (_, error, code) => {
    const { answer, told, metrics } = await answerTo(error);
    const [status, title] = PROBLEMS[code];
    expect(answer.statusCode).toBe(status);
    expect(told).toMatchObject({ code, status, title, type: `urn:tessera:problem:${code}` });
    expect(told.request_id).toBe('req_1');
    expect(answer.body).not.toMatch(/hunter2|10\.0\.0\.7|acc_a|\.ts/);
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['retry-after'] !== undefined).toBe(status === 503);
    expect(await metrics.text()).toContain(`tessera_refusals_total{code="${code}"} 1`);
  });

  it.each(Object.keys(PROBLEMS) as ProblemCode[])('%s is told with its own words', async (code) => {
    const { answer, told } = await answerTo(refuse(code, 'Do this instead.', { hint: 7 }));
    expect(answer.statusCode).toBe(PROBLEMS[code][0]);
    expect(told).toMatchObject({ code, detail: 'Do this instead.', hint: 7 });
    expect(answer.headers['www-authenticate'] !== undefined).toBe(code === 'unauthorized');
  });

  it('of a chart is in the catalogue', async () => {
    const numbers = { neededMt: 1000, availableMt: 250, dailyMt: 20_000, resetsAt: 0 };
    for (const refusal of [
      { code: 'impossible', detail: 'x' },
      { code: 'suspended' },
      { code: 'too_many_jobs', jobsMax: 500 },
      { code: 'insufficient_tokens', ...numbers },
    ] as const) {
      const { answer, told } = await answerTo(refusedBy(refusal));
      expect(answer.headers['retry-after']).toBe(told.status === 429 ? '5' : undefined);
      expect(told.status).toBe(PROBLEMS[refusal.code][0]);
      expect(told.title).toBe(PROBLEMS[refusal.code][1]);
    }
  });

  it('cannot replace what a problem is made of', async () => {
    const { told } = await answerTo(refuse('not_found', 'x', { status: 200, code: 'fine' }));
    expect(told).toMatchObject({ status: 404, code: 'not_found' });
  });
});

function schemaError(): Error {
  const query = { sql: `select '${SECRET}'`, values: [] } as never;
  return new SchemaValidationError(query, { secret: SECRET }, [] as never);
}
