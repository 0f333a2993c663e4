// One person on two platforms: both sides say so, one account is left, and it can be undone. Bots act for people
// by their own keys, as in life.
import { sql } from 'slonik';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { listAudit } from '../../db/queries/audit.ts';
import { claimLinkCode } from '../../db/queries/joined-accounts.ts';
import { quotaRef, SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import { RETURNS_FOR_MS } from '../linking.ts';
import { hashSecret } from '../keys.ts';
import { startTestRuntime, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
const bots: Record<string, string> = {};
beforeAll(async () => {
  runtime = await startTestRuntime();
  for (const platform of ['telegram', 'discord'] as const)
    bots[platform] = (await runtime.key('frontend', SYSTEM_ACCOUNT, platform)).key;
});
afterAll(() => runtime.stop());

let lastPerson = 1000;
/** Somebody nobody has seen yet. */
const person = (platform: 'telegram' | 'discord') => `${platform}:${(lastPerson += 1)}`;

const as = async (user: string, url: string, json?: unknown, method?: 'DELETE') => {
  const key = bots[user.split(':')[0]!]!;
  const headers = { 'tessera-user': user };
  const answer = await runtime.call({
    ...{ key, url, headers },
    ...(method ? { method } : {}),
    ...(json === undefined ? {} : { json }),
  });
  return { status: answer.statusCode, body: answer.body === '' ? {} : answer.json() };
};
const account = async (user: string) => (await as(user, '/v1/account')).body;
const codeOf = async (user: string): Promise<string> =>
  (await as(user, '/v1/account/links', {})).body.code;
const confirm = async (user: string, code: string) =>
  as(user, '/v1/account/links/confirm', { code });
const credit = (accountId: string, amountMt: number) =>
  runtime.host.turns.post(quotaRef(accountId), {
    ...{ type: 'topUp.credited', amountMt, reason: 'Topped up' },
  });
const link = async (first: string, second: string) => {
  const answer = await confirm(second, await codeOf(first));
  expect(answer.status).toBe(200);
  return answer.body;
};
const unlink = (user: string, identity: string) =>
  as(user, `/v1/account/identities/${identity}`, undefined, 'DELETE');
/** Every grant of a day to any of these accounts, as the ledger has it. */
const grants = async (...accounts: string[]): Promise<number> => {
  const { pool } = runtime.host;
  return (
    await pool.one(sql.type(z.object({ n: z.number() }))`
      select count(*) as n from ledger where book = 'system:granted'
        and account_id = any(${sql.array(accounts, 'text')})`)
  ).n;
};

describe('linking', () => {
  it('makes one account of two, when both sides have said so', async () => {
    const [ann, anna] = [person('telegram'), person('discord')];
    const [first, second] = [await account(ann), await account(anna)];
    expect(first.id).not.toBe(second.id);
    await credit(second.id, 7000);

    const asked = await as(ann, '/v1/account/links', {});
    expect(asked.status).toBe(201);
    expect(asked.body).toMatchObject({ code: expect.stringMatching(/^[0-9A-Z]{5}-[0-9A-Z]{5}$/) });
    const look = await as(anna, '/v1/account/links/look', { code: asked.body.code });
    expect(look.body).toMatchObject({
      other: { identities: [{ provider: 'telegram', hint: `…${ann.slice(-4)}` }] },
      ...{ stays: 'other', moves_millitokens: 7000, stays_behind_millitokens: 20_000 },
    });
    expect((await account(anna)).id).toBe(second.id);

    const done = await confirm(anna, asked.body.code.toLowerCase().replace('-', ' '));
    expect(done.body).toMatchObject({ account: first.id, joined: second.id });
    for (const each of [ann, anna])
      expect(await account(each)).toMatchObject({
        ...{ id: first.id, top_up_millitokens: 7000, allowance_millitokens: 20_000 },
      });
    const { body } = await as(anna, '/v1/account/identities');
    expect(body.data.map(({ id }: { id: string }) => id).sort()).toEqual([ann, anna].sort());
    expect(body.joined).toMatchObject([{ account: second.id }]);
    for (const side of [first.id, second.id])
      expect(await listAudit(runtime.host.pool, side, { limit: 5 })).toMatchObject([
        { action: 'account.joined', by: expect.stringMatching(/^key_discord_/) },
      ]);
  });

  it('keeps the account that has a plan, whoever asked', async () => {
    const [ann, anna] = [person('telegram'), person('discord')];
    const paid = await account(anna);
    await runtime.host.turns.post(quotaRef(paid.id), { type: 'plan.changed', plan: 'pro' });
    const look = await as(anna, '/v1/account/links/look', { code: await codeOf(ann) });
    expect(look.body.stays).toBe('yours');
    expect((await link(ann, anna)).account).toBe(paid.id);
    expect(await account(ann)).toMatchObject({ id: paid.id, plan: 'pro' });
  });

  it('is turned down while jobs of the other account are under way, and works after them', async () => {
    await runtime.worker();
    const [ann, anna] = [person('telegram'), person('discord')];
    const job = await as(anna, '/v1/jobs', { modality: 'image', prompt: 'a boat' });
    expect(job.status).toBe(202);
    const code = await codeOf(ann);
    const early = await confirm(anna, code);
    expect([early.status, early.body.code, early.body.why]).toEqual([
      ...[409, 'join_refused', 'jobs_under_way'],
    ]);
    await as(anna, `/v1/jobs/${job.body.id}/cancel`, {});
    // Nothing was used up: the same code, the same person.
    expect((await confirm(anna, code)).status).toBe(200);

    // What the other account made is still to be read, by its own name.
    expect((await as(ann, `/v1/jobs/${job.body.id}`)).body.prompt).toBe('a boat');
    const joined = (await as(ann, '/v1/account/identities')).body.joined[0].account;
    const list = await as(ann, `/v1/jobs?account=${joined}`);
    expect(list.body.data).toMatchObject([{ id: job.body.id }]);
    const ledger = await as(ann, `/v1/account/ledger?account=${joined}`);
    expect(ledger.body.data.length).toBeGreaterThan(1);
    const stranger = person('telegram');
    expect((await as(stranger, `/v1/jobs?account=${joined}`)).status).toBe(404);
    expect((await as(stranger, `/v1/jobs/${job.body.id}`)).status).toBe(404);
  });
});

describe('a code', () => {
  it('holds once, for the newest wish, and not for who asked', async () => {
    const [ann, anna, other] = [person('telegram'), person('discord'), person('discord')];
    const old = await codeOf(ann);
    const code = await codeOf(ann);
    expect((await confirm(ann, code)).body.code).toBe('link_refused');
    expect((await confirm(anna, old)).body.code).toBe('link_refused');
    expect((await confirm(anna, code)).status).toBe(200);
    expect((await confirm(other, code)).body.code).toBe('link_refused');
    expect((await confirm(anna, code)).body.code).toBe('link_refused');
  });

  it('holds for ten minutes', async () => {
    const [ann, anna] = [person('telegram'), person('discord')];
    const code = await codeOf(ann);
    await runtime.host.pool.query(sql.type(z.object({}))`
      update link_codes set created_at = created_at - interval '600 seconds',
        expires_at = expires_at - interval '600 seconds' where used_at is null`);
    expect((await confirm(anna, code)).body.code).toBe('link_refused');
  });

  it('is one person’s who began to confirm it', async () => {
    const [ann, anna, other] = [person('telegram'), person('discord'), person('discord')];
    const code = await codeOf(ann);
    const { id } = await account(anna);
    const hash = hashSecret(`link:${code.replace('-', '')}`);
    expect(await claimLinkCode(runtime.host.pool, hash, id)).toBe(true);
    // Whoever had looked at it before is too late by now.
    expect(await claimLinkCode(runtime.host.pool, hash, (await account(other)).id)).toBe(false);
    expect((await confirm(other, code)).body.code).toBe('link_refused');
    expect((await confirm(anna, code)).status).toBe(200);
  });

  it('of two that use it at once one links', async () => {
    const [ann, one, two] = [person('telegram'), person('discord'), person('discord')];
    const code = await codeOf(ann);
    const answers = await Promise.all([confirm(one, code), confirm(two, code)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    const ids = await Promise.all([ann, one, two].map(async (each) => (await account(each)).id));
    expect(new Set(ids).size).toBe(2);
  });

  it('is not found by trying', async () => {
    const guesser = person('telegram');
    const statuses: number[] = [];
    for (let n = 0; n < 8; n++) statuses.push((await confirm(guesser, `AAAAA-AAAA${n}`)).status);
    expect(statuses).toEqual([409, 409, 409, 409, 409, 429, 429, 429]);
    runtime.clock.aheadMs += 60_001;
    expect((await confirm(guesser, 'AAAAA-AAAAA')).status).toBe(409);
  });
});

describe('leaving again', () => {
  it('gives back what was brought, and no day a second time', async () => {
    const [ann, anna] = [person('telegram'), person('discord')];
    const [first, second] = [(await account(ann)).id, (await account(anna)).id];
    await credit(second, 5000);
    await link(ann, anna);
    for (let n = 0; n < 3; n++) {
      expect((await unlink(ann, anna)).status).toBe(204);
      expect(await account(anna)).toMatchObject({ id: second, top_up_millitokens: 5000 });
      expect((await account(ann)).id).toBe(first);
      await link(ann, anna);
    }
    // The one grant is from when tokens were bought for it, before anybody linked anything.
    expect(await grants(first, second)).toBe(1);
  });

  it('gives no tokens on a day on which the person had some', async () => {
    const [ann, anna] = [person('telegram'), person('discord')];
    const first = (await account(ann)).id;
    await link(ann, anna);
    await credit(first, 1000); // brings the day with it
    await unlink(ann, anna);
    const apart = await account(anna);
    expect(apart.id).not.toBe(first);
    expect(apart).toMatchObject({ available_millitokens: 0 });
    expect(await grants(first, apart.id)).toBe(1);
  });

  it('opens a new account for the first identity, which has its first day tomorrow', async () => {
    const [ann, anna] = [person('telegram'), person('discord')];
    const first = (await account(ann)).id;
    const lonely = await unlink(ann, ann);
    expect([lonely.status, lonely.body.code]).toEqual([409, 'last_way_in']);
    await link(ann, anna);
    expect((await unlink(anna, ann)).status).toBe(204);
    const own = await account(ann);
    expect(own.id).not.toBe(first);
    expect(own).toMatchObject({ available_millitokens: 0 });
    expect((await account(anna)).id).toBe(first);
    // Linked and unlinked once more it is the same account: there is never a second new one.
    await link(anna, ann);
    await unlink(anna, ann);
    expect((await account(ann)).id).toBe(own.id);
    expect((await listAudit(runtime.host.pool, own.id, { limit: 9 })).at(-1)).toMatchObject({
      action: 'identity.unlinked',
    });
  });

  it('is possible for a whole account, within thirty days with its tokens', async () => {
    const [ann, anna] = [person('telegram'), person('discord')];
    const second = (await account(anna)).id;
    await credit(second, 3000);
    const { account: first } = await link(ann, anna);
    expect((await as(ann, '/v1/account/links/undo', { account: first })).status).toBe(404);
    runtime.clock.aheadMs += RETURNS_FOR_MS;
    expect((await as(ann, '/v1/account/links/undo', { account: second })).status).toBe(204);
    expect(await account(anna)).toMatchObject({ id: second, top_up_millitokens: 0 });
    expect(await account(ann)).toMatchObject({ top_up_millitokens: 3000 });
    runtime.clock.aheadMs -= RETURNS_FOR_MS;
  });

  it('is nobody else’s to do', async () => {
    const [ann, anna] = [person('telegram'), person('discord')];
    const { joined } = await link(ann, anna);
    const stranger = person('telegram');
    expect((await unlink(stranger, anna)).status).toBe(404);
    expect((await as(stranger, '/v1/account/links/undo', { account: joined })).status).toBe(404);
    expect((await account(anna)).id).toBe((await account(ann)).id);
  });
});

it('keys of the account that joined speak for the other one, and are listed and revoked there', async () => {
  const [ann, anna] = [person('telegram'), person('discord')];
  const second = (await account(anna)).id;
  const own = await runtime.key('user', second);
  const { account: first } = await link(ann, anna);
  const ask = (url: string, method: 'GET' | 'DELETE' = 'GET') =>
    runtime.call({ key: own.key, url, method });
  expect((await ask('/v1/account')).json().id).toBe(first);
  const keys = (await ask('/v1/account/keys')).json().data;
  expect(keys.map(({ id }: { id: string }) => id)).toContain(own.id);
  expect((await ask(`/v1/account/keys/${own.id}`, 'DELETE')).statusCode).toBe(204);
  expect((await ask('/v1/account')).statusCode).toBe(401);
});

it('a key that may only spend links nothing', async () => {
  const { key } = await runtime.key('user', 'acc_scoped', null, 'jobs:write account:write');
  const answer = await runtime.call({ key, url: '/v1/account/links', json: {} });
  expect(answer.statusCode).toBe(403);
});
