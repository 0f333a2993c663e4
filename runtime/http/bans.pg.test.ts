// Who asks for what is not made here, again and again, waits; who is banned is told why.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listAudit } from '../../db/queries/audit.ts';
import { startTestRuntime, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
let admin: string;
beforeAll(async () => {
  runtime = await startTestRuntime({ config: { isLocalMode: false } });
  await runtime.worker();
  admin = (await runtime.key('admin', 'system')).key;
});
afterAll(() => runtime.stop());

let people = 0;
const newcomer = async () => {
  const account = `acc_${++people}`;
  return { account, key: (await runtime.key('user', account)).key };
};
const ask = (key: string, prompt: string, more: object = {}) =>
  runtime.call({ url: '/v1/jobs', key, json: { modality: 'image', prompt }, ...more });
const NEVER = 'a naked child';
const GOOD = 'a heron at dawn';

describe('a time-out', () => {
  it('begins with the third, says when it ends, and ends', async () => {
    const { key } = await newcomer();
    for (let n = 0; n < 2; n++) expect((await ask(key, NEVER)).statusCode).toBe(422);
    expect((await ask(key, GOOD)).statusCode).toBe(202);
    expect((await ask(key, NEVER)).json().code).toBe('refused_content');
    const waits = await ask(key, GOOD);
    expect(waits.json()).toMatchObject({ status: 403, code: 'suspended' });
    const { until, detail } = waits.json<{ until: string; detail: string }>();
    expect(detail).toContain(until);
    expect(Date.parse(until) - runtime.clock.now()).toBeLessThanOrEqual(600_000);
    expect((await runtime.call({ url: '/v1/jobs', key })).statusCode).toBe(200);
    runtime.clock.aheadMs += 600_001;
    expect((await ask(key, GOOD)).statusCode).toBe(202);
    runtime.clock.aheadMs = 0;
  });

  it('counts the calls that OpenAI’s clients know, and no dry runs', async () => {
    const { key } = await newcomer();
    const json = { modality: 'image', prompt: NEVER, dry_run: true };
    for (let n = 0; n < 4; n++) await runtime.call({ url: '/v1/jobs', key, json });
    expect((await ask(key, GOOD)).statusCode).toBe(202);
    for (let n = 0; n < 3; n++)
      await runtime.call({ url: '/v1/images/generations', key, json: { prompt: NEVER } });
    expect((await ask(key, GOOD)).json().code).toBe('suspended');
    expect(await runtime.host.metrics.text()).toMatch(
      /tessera_content_refused_total\{rule="minors-undressed"\} \d/,
    );
  });
});

describe('a ban', () => {
  const ban = (json: object) => runtime.call({ url: '/v1/admin/bans', key: admin, json });

  it('keeps an account out until it is lifted, and is written down', async () => {
    const { account, key } = await newcomer();
    const subject = `account:${account}`;
    expect((await ban({ subject, reason: 'Spam' })).json().data).toMatchObject([{ subject }]);
    const told = await ask(key, GOOD);
    expect(told.json()).toMatchObject({ status: 403, code: 'banned', until: null });
    expect(told.json().detail).toMatch(/^This account is kept out: Spam\. If that is wrong/);
    expect((await runtime.call({ url: '/v1/account', key })).statusCode).toBe(403);
    const lift = { url: '/v1/admin/bans/lift', key: admin, json: { subject } };
    expect((await runtime.call(lift)).json().data).toEqual([]);
    expect((await runtime.call(lift)).statusCode).toBe(404);
    expect((await ask(key, GOOD)).statusCode).toBe(202);
    const noted = await listAudit(runtime.host.pool, 'system', { limit: 2 });
    expect(noted.map(({ action }) => action)).toEqual(['ban.lifted', 'ban.made']);
  });

  it('of a network or a server keeps out whoever comes from there, for its time', async () => {
    const { key } = await newcomer();
    const until = new Date(runtime.clock.now() + 60_000).toISOString();
    await ban({ subject: 'network:198.51.100.7', reason: 'Spam', until });
    expect((await ask(key, GOOD, { remoteAddress: '198.51.100.7' })).json().code).toBe('banned');
    expect((await ask(key, GOOD, { remoteAddress: '198.51.100.8' })).statusCode).toBe(202);
    const bot = (await runtime.key('frontend', 'system', 'discord')).key;
    await ban({ subject: 'place:discord:guild:5', reason: 'Spam', until });
    const asked = (origin: string) =>
      runtime.call({
        ...{ url: '/v1/jobs', key: bot, json: { modality: 'image', prompt: GOOD, origin } },
        headers: { 'tessera-user': 'discord:7' },
      });
    expect((await asked('discord:guild:5/channel:1')).json().code).toBe('banned');
    expect((await asked('discord:guild:6')).statusCode).toBe(202);
    runtime.clock.aheadMs += 60_001;
    expect((await asked('discord:guild:5/channel:1')).statusCode).toBe(202);
    runtime.clock.aheadMs = 0;
  });

  it('is refused where it makes no sense', async () => {
    expect((await ban({ subject: 'everybody', reason: 'x' })).statusCode).toBe(400);
    const until = '2020-01-01T00:00:00Z';
    expect((await ban({ subject: 'account:a', reason: 'x', until })).statusCode).toBe(400);
  });
});
