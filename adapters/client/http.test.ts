// The client against a real server in this process. Waits are recorded instead of waited.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createClient, type ClientOptions } from './http.ts';
import { TesseraProblem } from './problem.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}
type Answer = (response: ServerResponse) => void;

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Answers the calls in turn; the last answer repeats. */
async function serve(...answers: [Answer, ...Answer[]]) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      seen.push({ method, url, headers, body });
      (answers[seen.length - 1] ?? answers.at(-1))?.(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  const waits: number[] = [];
  const client = (options: ClientOptions = {}) =>
    createClient({
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      surroundings: {
        pause: (ms) => (waits.push(ms), Promise.resolve()),
        random: () => 0,
        now: () => 0,
      },
      ...options,
    });
  return { seen, waits, client };
}

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
const refuse = (status: number, fields: object, headers: Record<string, string> = {}) =>
  json(
    status,
    { type: 'about:blank', title: 'No', status, ...fields },
    {
      'content-type': 'application/problem+json',
      ...headers,
    },
  );
const hangUp: Answer = (response) => void response.socket?.destroy();
const job = json(202, { id: 'job_1', object: 'job' });
const REQUEST = { modality: 'image', prompt: 'a heron' } as const;

const failureOf = async (call: Promise<unknown>): Promise<TesseraProblem> => {
  const error: unknown = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof TesseraProblem)) throw new Error('should have been refused');
  return error;
};

test('waits for the end of a job, and asks for several at once', async () => {
  const { seen, client } = await serve(json(200, { id: 'job_1' }), json(200, { data: [] }));
  await client().job('job_1', { waitS: 20 });
  await client().jobsById(['job_1', 'job_2']);
  expect(seen[0]!.headers['prefer']).toBe('wait=20');
  expect(seen[1]!.url).toBe('/v1/jobs?ids=job_1%2Cjob_2');
});

describe('createJob', () => {
  test('sends one Idempotency-Key through every retry', async () => {
    const { client, seen, waits } = await serve(hangUp, refuse(503, {}), refuse(502, {}), job);
    expect((await client().createJob(REQUEST)).id).toBe('job_1');
    const keys = seen.map((call) => call.headers['idempotency-key']);
    expect(keys).toHaveLength(4);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(waits).toEqual([150, 300, 600]);
    expect(JSON.parse(seen[3]?.body ?? '')).toEqual({ ...REQUEST, dry_run: false });
  });

  test('two jobs have two keys, and a given key is used as it is', async () => {
    const { client, seen } = await serve(job);
    await client().createJob(REQUEST);
    await client().createJob(REQUEST);
    await client().createJob(REQUEST, { idempotencyKey: 'mine' });
    const keys = seen.map((call) => call.headers['idempotency-key']);
    expect(new Set(keys).size).toBe(3);
    expect(keys[2]).toBe('mine');
  });

  test('a refusal is thrown with its code, sentence and extension fields', async () => {
    const detail = 'You have 0 tokens left today.';
    const { client, seen } = await serve(
      refuse(402, { code: 'insufficient_tokens', detail, resets_at: '2026-11-24T00:00:00Z' }),
    );
    const problem = await failureOf(client().createJob(REQUEST));
    expect(problem).toMatchObject({ code: 'insufficient_tokens', status: 402, message: detail });
    expect(problem.fields).toEqual({ resets_at: '2026-11-24T00:00:00Z' });
    expect(seen).toHaveLength(1);
  });
});

describe('retries', () => {
  test('wait as long as Retry-After says, in seconds or as a date', async () => {
    const date = new Date(5000).toUTCString();
    const { client, waits } = await serve(
      refuse(429, {}, { 'retry-after': '3' }),
      refuse(503, {}, { 'retry-after': date }),
      json(200, { object: 'list', data: [] }),
    );
    await client().models();
    expect(waits).toEqual([3000, 5000]);
  });

  test('give up when the server asks for more patience than a caller has', async () => {
    const { client, seen } = await serve(
      refuse(429, { code: 'rate_limited', detail: 'Slow down.' }, { 'retry-after': '3600' }),
    );
    expect((await failureOf(client().account())).code).toBe('rate_limited');
    expect(seen).toHaveLength(1);
  });

  test('are bounded, and an unreachable server has a sentence', async () => {
    const { client, seen } = await serve(hangUp);
    const problem = await failureOf(client().account());
    expect(problem).toMatchObject({ code: 'unreachable', status: 0 });
    expect(problem.message).toContain('could not be reached');
    expect(seen).toHaveLength(4);
  });

  test.each([400, 401, 404, 409, 500, 504])('never follow a %i', async (status) => {
    const { client, seen } = await serve(refuse(status, { code: 'x', detail: 'No.' }));
    expect((await failureOf(client().createJob(REQUEST))).status).toBe(status);
    expect(seen).toHaveLength(1);
  });

  test('stop when the caller loses interest', async () => {
    const gone = new AbortController();
    const { client, seen } = await serve((response) => {
      gone.abort(new Error('closed the page'));
      hangUp(response);
    });
    await expect(client().models({ signal: gone.signal })).rejects.toThrow('closed the page');
    expect(seen).toHaveLength(1);
  });
});

describe('who calls', () => {
  test('keys and persons travel as headers, to this server only', async () => {
    const elsewhere = await serve((response) => response.end('bytes'));
    await elsewhere.client().output('/x');
    const foreign = `http://${elsewhere.seen[0]?.headers.host}/x`;

    const { client, seen } = await serve(json(200, { object: 'account' }));
    const person = client({ key: 'tsr_frontend_a' }).actingFor('telegram:7');
    await person.account();
    expect(seen[0]?.headers).toMatchObject({
      authorization: 'Bearer tsr_frontend_a',
      'tessera-user': 'telegram:7',
    });
    await person.output(foreign);
    expect(elsewhere.seen[1]?.headers).not.toHaveProperty('authorization');
    expect(elsewhere.seen[1]?.headers).not.toHaveProperty('tessera-user');
  });
});

describe('the other calls', () => {
  test('ask for the paths of the contract', async () => {
    const { client, seen } = await serve(json(200, { object: 'list' }));
    const tessera = client();
    await tessera.dryRun(REQUEST);
    await tessera.jobs({ cursor: 'a b' });
    await tessera.job('job_1/../x');
    await tessera.cancelJob('job_1');
    await tessera.ledger();
    await tessera.status();
    await tessera.uploadBlob(new Uint8Array([1, 2]), 'audio/wav');
    await tessera.openSession();
    await tessera.closeSession();
    expect(seen.map((call) => `${call.method} ${call.url}`)).toEqual([
      'POST /v1/jobs',
      'GET /v1/jobs?cursor=a+b',
      'GET /v1/jobs/job_1%2F..%2Fx',
      'POST /v1/jobs/job_1/cancel',
      'GET /v1/account/ledger',
      'GET /v1/status',
      'POST /v1/blobs',
      'POST /v1/session',
      'DELETE /v1/session',
    ]);
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ ...REQUEST, dry_run: true });
    expect(seen[6]?.headers['content-type']).toBe('audio/wav');
    // A body-less POST must not claim to be JSON: servers refuse empty JSON.
    expect(seen[3]?.headers).not.toHaveProperty('content-type');
  });

  test('an answer that is not Tessera’s is said to be so', async () => {
    const { client } = await serve((response) => response.end('<html>'));
    expect((await failureOf(client().account())).code).toBe('not_tessera');
    const proxy = await serve((response) => response.writeHead(500).end('<html>'));
    expect((await failureOf(proxy.client().account())).message).toContain('answered 500');
  });
});
