// From a job that ends to a receiver that verifies what it is told, with the library receivers use.
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sql } from 'slonik';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { claimDeliveries } from '../../db/queries/webhooks.ts';
import type { JobView } from '../../machines/contract/views.ts';
import { startTestRuntime, type TestRuntime } from '../http/testing.ts';
import { Deliveries, PAUSES_MS } from './deliveries.ts';
import { Egress } from './egress.ts';

interface Heard {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let runtime: TestRuntime;
let receiver: Server;
let at: string;
let heard: Heard[] = [];
let answer = 200;
let deliveries: Deliveries;
beforeAll(async () => {
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      heard.push({ headers: request.headers, body });
      response.writeHead(answer, { location: 'http://127.0.0.1:1/' }).end('thanks');
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const target = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  at = `http://${target}/hook`;
  runtime = await startTestRuntime({ config: { webhookTargets: [target] } });
  await runtime.worker();
  const { pool, clock, ids } = runtime.host;
  const egress = new Egress({ allowed: [target] });
  deliveries = new Deliveries({ pool, clock, ids, egress, log: () => undefined });
});
afterAll(async () => {
  receiver.close();
  await runtime.stop();
});

let people = 0;
let key: string;
beforeEach(async () => {
  ({ key } = await runtime.key('user', `acc_${++people}`));
  heard = [];
  answer = 200;
});

const hooks = '/v1/account/webhooks';
const post = (url: string, json?: unknown) => runtime.call({ method: 'POST', url, key, json });
const make = async (events?: string[]) =>
  (await post(hooks, { url: at, ...(events && { events }) })).json<{
    id: string;
    secret: string;
  }>();
const list = async () => (await runtime.call({ url: hooks, key })).json().data;
const told = async (id: string) =>
  (await runtime.call({ url: `${hooks}/${id}/deliveries`, key })).json().data;
/** A job that has ended. */
async function cancelled(): Promise<string> {
  const json = { modality: 'image', prompt: 'a heron at dawn' };
  const { id } = (await runtime.call({ url: '/v1/jobs', key, json })).json<JobView>();
  await post(`/v1/jobs/${id}/cancel`);
  return id;
}
const verified = (secret: string, { headers, body }: Heard) =>
  new Webhook(secret).verify(body, headers as Record<string, string>) as {
    type: string;
    data: JobView;
  };
/** The time of the next try has come. */
const later = () =>
  runtime.host.pool.query(sql.type(z.object({}))`
    update webhook_deliveries set next_at = clock_timestamp() where account_id = ${`acc_${people}`}`);

describe('an ended job', () => {
  it('is told once, signed so that the receiver can verify it', async () => {
    const { id, secret } = await make();
    expect(secret).toMatch(/^whsec_/);
    expect(JSON.stringify(await list())).not.toContain(secret);
    const job = await cancelled();
    await deliveries.runOnce();
    await deliveries.runOnce();
    expect(heard).toHaveLength(1);
    const event = verified(secret, heard[0]!);
    expect(event).toMatchObject({ type: 'job.cancelled', data: { id: job, state: 'cancelled' } });
    expect(() => verified(`whsec_${Buffer.alloc(32).toString('base64')}`, heard[0]!)).toThrow();
    expect(await told(id)).toMatchObject([
      {
        id: heard[0]!.headers['webhook-id'],
        state: 'delivered',
        status: 200,
        attempts: 1,
        job_id: job,
      },
    ]);
  });

  it('is told only to who wants to know, and only of their own', async () => {
    await make(['job.succeeded']);
    await cancelled();
    ({ key } = await runtime.key('user', `acc_${++people}`));
    await cancelled();
    await deliveries.runOnce();
    expect(heard).toEqual([]);
  });

  it('is told by one of several runtimes', async () => {
    await make();
    const jobs = [await cancelled(), await cancelled(), await cancelled()];
    await Promise.all(Array.from({ length: 4 }, () => deliveries.runOnce()));
    await deliveries.runOnce();
    const ids = heard.map(({ body }) => (JSON.parse(body) as { data: JobView }).data.id);
    expect(ids.sort()).toEqual(jobs.sort());
  });

  it('is told by another when the first one dies with it', async () => {
    await make();
    await cancelled();
    answer = 500;
    await deliveries.runOnce();
    await later();
    answer = 200;
    // Taken, and never heard of again.
    expect(await claimDeliveries(runtime.host.pool, { limit: 10, holdMs: 60_000 })).toHaveLength(1);
    await deliveries.runOnce();
    expect(heard).toHaveLength(1);
    await later();
    await deliveries.runOnce();
    expect(heard).toHaveLength(2);
    expect(heard[1]!.headers['webhook-id']).toBe(heard[0]!.headers['webhook-id']);
  });
});

describe('a receiver that fails', () => {
  it('is tried again under the same id, for more than a day, and then no more', async () => {
    const { id, secret } = await make();
    await cancelled();
    answer = 500;
    await deliveries.runOnce();
    const [first] = await told(id);
    expect(first).toMatchObject({ state: 'waiting', status: 500, error: 'It answered 500.' });
    for (const _ of PAUSES_MS) {
      await later();
      await deliveries.runOnce();
    }
    expect(new Set(heard.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(heard).toHaveLength(PAUSES_MS.length + 1);
    expect(PAUSES_MS.reduce((sum, pauseMs) => sum + pauseMs)).toBeGreaterThan(24 * 3_600_000);
    expect(await told(id)).toMatchObject([{ state: 'failed', attempts: 8, next_at: null }]);
    answer = 200;
    const again = await post(`${hooks}/${id}/deliveries/${first.id}/replay`);
    expect(again.statusCode).toBe(202);
    await deliveries.runOnce();
    expect(await told(id)).toMatchObject([{ state: 'delivered', id: first.id }]);
    verified(secret, heard.at(-1)!);
    expect((await list())[0].failing_since).toBeNull();
  });

  it('by sending us elsewhere is not followed', async () => {
    const { id } = await make();
    await cancelled();
    answer = 302;
    await deliveries.runOnce();
    expect(await told(id)).toMatchObject([
      { state: 'waiting', error: 'It answered 302; redirects are not followed.' },
    ]);
  });

  it.each([
    ['says that it is gone', 410, '0 days'],
    ['has failed for days', 500, '5 days 1 minute'],
  ])('and %s is switched off, until its owner wants it', async (_, status, ago) => {
    const { id } = await make();
    await cancelled();
    answer = status;
    await runtime.host.pool.query(sql.type(z.object({}))`
      update webhooks set failing_since = clock_timestamp() - ${ago}::interval where id = ${id}`);
    await deliveries.runOnce();
    expect(await list()).toMatchObject([{ disabled_because: expect.any(String) }]);
    await later();
    await cancelled();
    await deliveries.runOnce();
    expect(heard).toHaveLength(1);
    answer = 200;
    expect((await post(`${hooks}/${id}/enable`)).json()).toMatchObject({ disabled_at: null });
    await cancelled();
    await deliveries.runOnce();
    expect(heard.length).toBeGreaterThan(1);
  });
});

describe('an owner', () => {
  it('changes the secret over without losing an event', async () => {
    const { id, secret } = await make();
    const { secret: next } = (await post(`${hooks}/${id}/rotate`)).json();
    expect((await post(`${hooks}/${id}/ping`)).statusCode).toBe(202);
    await deliveries.runOnce();
    for (const each of [secret, next]) expect(verified(each, heard[0]!).type).toBe('webhook.ping');
    await runtime.host.pool.query(sql.type(z.object({}))`
      update webhooks set previous_until = clock_timestamp() where id = ${id}`);
    await post(`${hooks}/${id}/ping`);
    await deliveries.runOnce();
    expect(() => verified(secret, heard[1]!)).toThrow();
    verified(next, heard[1]!);
  });

  it('is refused addresses that lie inside, and an eleventh webhook', async () => {
    for (const url of ['https://10.0.0.1/', 'http://example.org/', 'https://169.254.169.254/']) {
      const refused = await post(hooks, { url });
      expect([refused.statusCode, refused.json().errors[0].at]).toEqual([400, '/url']);
    }
    const made = await Promise.all(Array.from({ length: 12 }, () => post(hooks, { url: at })));
    expect(made.map(({ statusCode }) => statusCode).sort()).toEqual([
      ...Array.from({ length: 10 }, () => 201),
      ...[409, 409],
    ]);
  });

  it('takes it away, and nobody else does', async () => {
    const { id } = await make();
    const mine = key;
    ({ key } = await runtime.key('user', `acc_${++people}`));
    const remove = () => runtime.call({ method: 'DELETE', url: `${hooks}/${id}`, key });
    expect((await remove()).statusCode).toBe(404);
    for (const call of ['rotate', 'ping', 'enable'])
      expect((await post(`${hooks}/${id}/${call}`)).statusCode).toBe(404);
    key = mine;
    expect((await remove()).statusCode).toBe(204);
    expect(await list()).toEqual([]);
  });
});
