// Signing in, with both providers and an authenticator beside it: what a browser gets, and what nobody gets.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sql } from 'slonik';
import { initData } from '../../adapters/identity/mini-apps-testing.ts';
import { SoftwareAuthenticator } from '../../adapters/identity/passkeys-testing.ts';
import { listAudit } from '../../db/queries/audit.ts';
import { createSession } from '../../db/queries/sessions.ts';
import { quotaRef, SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import { hashSecret } from '../keys.ts';
import { OPERATOR, SITE, startPublicRuntime, type TestBrowser } from './sign-in-testing.ts';

let house: Awaited<ReturnType<typeof startPublicRuntime>>;
let bot: string;
beforeAll(async () => {
  house = await startPublicRuntime();
  bot = (await house.runtime.key('frontend', SYSTEM_ACCOUNT, 'discord')).key;
});
afterAll(() => house.stop());
let person = 100;
beforeEach(() => {
  house.fake.lies = {};
  house.fake.user = { id: String((person += 1)), name: 'Ann' };
});

const FAILED = '/sign-in#sign_in_failed';
const signedIn = async (provider: 'discord' | 'telegram' = 'discord'): Promise<TestBrowser> => {
  const browser = house.browser();
  expect(await browser.signIn(provider)).toBe('/');
  return browser;
};
const status = async (browser: TestBrowser, url = '/v1/account') =>
  (await browser.ask(url)).statusCode;

describe('with a provider', () => {
  it('says how one can sign in, and lets nobody in without', async () => {
    const browser = house.browser();
    expect((await browser.ask('/v1/session/ways')).json()).toEqual({
      ...{ object: 'ways', local: false, passkey: true },
      providers: [
        { id: 'discord', title: 'Discord' },
        { id: 'telegram', title: 'Telegram' },
      ],
    });
    expect((await browser.ask('/v1/session', {})).json().code).toBe('sign_in_required');
    expect(await status(browser)).toBe(401);
  });

  it.each(['discord', 'telegram'] as const)('%s opens the account its bots know', async (id) => {
    const browser = await signedIn(id);
    const { id: account } = await browser.account();
    const key = (await house.runtime.key('frontend', SYSTEM_ACCOUNT, id)).key;
    const headers = { 'tessera-user': `${id}:${house.fake.user.id}` };
    const known = await house.runtime.call({ key, url: '/v1/account', headers });
    expect(known.json().id).toBe(account);
    expect((await browser.ask('/v1/account/identities')).json().data).toMatchObject([
      { id: `${id}:${house.fake.user.id}`, name: 'Ann' },
    ]);
    expect((await listAudit(house.runtime.host.pool, account, { limit: 1 }))[0]).toMatchObject({
      ...{ action: 'session.opened', by: `${id}:${house.fake.user.id}` },
    });
  });

  it('lets those operate it whom the configuration names, by whom they signed in as', async () => {
    const operator = house.browser();
    house.fake.user = { id: OPERATOR, name: 'Olga' };
    await operator.signIn('discord');
    expect(await status(operator, '/v1/admin/workers')).toBe(200);
    // The same number elsewhere is somebody else.
    expect(await status(await signedIn('telegram'), '/v1/admin/workers')).toBe(403);
    house.fake.user = { id: '101', name: 'Ann' };
    expect(await status(await signedIn(), '/v1/admin/workers')).toBe(403);
  });

  it('gives a cookie that no script reads, and a new one each time', async () => {
    const browser = await signedIn();
    const [cookie] = browser.lastCookies.filter((each) => each.startsWith('tessera_session='));
    expect(cookie).toMatch(/^[^;]{59}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax$/);
    const before = browser.cookies.get('tessera_session');
    await browser.signIn('discord');
    expect(browser.cookies.get('tessera_session')).not.toBe(before);
    // The one before opens nothing any more.
    browser.cookies.set('tessera_session', before!);
    expect(await status(browser)).toBe(401);
  });

  it('brings back to where one was, on this site', async () => {
    const browser = house.browser();
    expect(await browser.signIn('discord', { return_to: '/account?x=1#keys' })).toBe(
      '/account?x=1#keys',
    );
    for (const path of ['//evil.example', '/\\evil.example', 'https://evil.example', 'x', '/a\nb'])
      expect(
        (await browser.ask('/v1/session/attempts', { provider: 'discord', return_to: path }))
          .statusCode,
      ).toBe(400);
  });

  it('takes what comes back once, in the browser that began it, within ten minutes', async () => {
    const [browser, other] = [house.browser(), house.browser()];
    const back = await browser.toProvider('discord');
    expect((await house.browser().ask(back)).headers.location).toBe(FAILED);
    // Not even of one that is on its own way.
    await other.toProvider('discord');
    expect((await other.ask(back)).headers.location).toBe(FAILED);
    // In the other browser it was not used up: it is not that one's.
    expect((await browser.ask(back)).headers.location).toBe('/');
    expect((await browser.ask(back)).headers.location).toBe(FAILED);

    const late = await browser.toProvider('discord');
    await house.runtime.host.pool.query(sql.unsafe`
      update sign_in_attempts set expires_at = clock_timestamp()`);
    expect((await browser.ask(late)).headers.location).toBe(FAILED);

    const mixed = (await browser.toProvider('discord')).replace('discord', 'telegram');
    expect((await browser.ask(mixed)).headers.location).toBe(FAILED);
  });

  it('takes nothing that the provider did not prove', async () => {
    const browser = house.browser();
    house.fake.lies = { signedByAnother: true };
    expect(await browser.signIn('telegram')).toBe(FAILED);
    const back = await browser.toProvider('discord');
    const denied = back.replace(/code=[^&]*/, 'error=access_denied');
    expect((await browser.ask(denied)).headers.location).toBe(FAILED);
    expect(await status(browser)).toBe(401);
  });

  it('is not begun by a page of another site', async () => {
    const answer = await house.runtime.app.inject({
      ...{ method: 'POST', url: '/v1/session/attempts', payload: { provider: 'discord' } },
      headers: { origin: 'https://evil.example' },
    });
    expect(answer.statusCode).toBe(403);
  });
});

describe('one more identity', () => {
  it('is linked by signing in with it, and unlinked again', async () => {
    const browser = await signedIn('discord');
    const { id } = await browser.account();
    const before = browser.cookies.get('tessera_session');
    expect(await browser.signIn('telegram', { link: true, return_to: '/account' })).toBe(
      '/account',
    );
    expect(browser.cookies.get('tessera_session')).not.toBe(before);
    expect((await browser.account()).id).toBe(id);
    const other = await signedIn('telegram');
    expect((await other.account()).id).toBe(id);
    const identity = `telegram:${house.fake.user.id}`;
    const url = `/v1/account/identities/${identity}`;
    expect((await browser.ask(url, undefined, 'DELETE')).statusCode).toBe(204);
    // Whoever is signed in by it is out, and has an account of their own when they come again.
    expect(await status(other)).toBe(401);
    expect((await (await signedIn('telegram')).account()).id).not.toBe(id);
  });

  it('brings the account that it had', async () => {
    const telegram = await signedIn('telegram');
    const { id: had } = await telegram.account();
    await house.runtime.host.turns.post(quotaRef(had), {
      ...{ type: 'topUp.credited', amountMt: 4000, reason: 'Topped up' },
    });
    const browser = await signedIn('discord');
    const { id } = await browser.account();
    await browser.signIn('telegram', { link: true });
    expect(await browser.account()).toMatchObject({ id, top_up_millitokens: 4000 });
    expect((await browser.ask('/v1/account/identities')).json().joined).toMatchObject([
      { account: had },
    ]);
  });

  it('is linked to whoever began it, or to nobody', async () => {
    const anybody = { provider: 'telegram', link: true };
    const begun = await house.browser().ask('/v1/session/attempts', anybody);
    expect(begun.json().code).toBe('sign_in_failed');
    const browser = await signedIn('discord');
    const back = await browser.toProvider('telegram', { link: true, return_to: '/account#x' });
    const kept = browser.cookies.get('tessera_sign_in')!;
    house.fake.user = { id: String((person += 1)), name: 'Ben' };
    await browser.signIn('discord');
    browser.cookies.set('tessera_sign_in', kept);
    expect((await browser.ask(back)).headers.location).toBe('/account#sign_in_failed');
    expect((await browser.ask('/v1/account/identities')).json().data).toHaveLength(1);
  });

  it('is not linked while its account has jobs under way, and the page says so', async () => {
    await house.runtime.worker();
    const telegram = await signedIn('telegram');
    const job = await telegram.ask('/v1/jobs', { modality: 'image', prompt: 'a boat' });
    expect(job.statusCode).toBe(202);
    const browser = await signedIn('discord');
    const ended = await browser.signIn('telegram', { link: true, return_to: '/account' });
    expect(ended).toBe('/account#join_refused');
    await telegram.ask(`/v1/jobs/${job.json().id}/cancel`, {});
    expect(await browser.signIn('telegram', { link: true, return_to: '/account' })).toBe(
      '/account',
    );
  });
});

describe('a session', () => {
  it('is listed, and ended from elsewhere', async () => {
    const [here, there] = [await signedIn(), await signedIn()];
    const { data } = (await here.ask('/v1/account/sessions')).json();
    expect(data).toHaveLength(2);
    expect(data.filter((each: { is_this: boolean }) => each.is_this)).toHaveLength(1);
    expect(data[0]).toMatchObject({ agent: 'a browser of tests' });
    const other = data.find((each: { is_this: boolean }) => !each.is_this);
    const url = `/v1/account/sessions/${other.id}`;
    expect((await here.ask(url, undefined, 'DELETE')).statusCode).toBe(204);
    expect([await status(here), await status(there)]).toEqual([200, 401]);
    expect((await here.ask(url, undefined, 'DELETE')).statusCode).toBe(404);
  });

  it('ends after seven days without use', async () => {
    const browser = await signedIn();
    house.runtime.clock.aheadMs += 5_001;
    await house.runtime.host.pool.query(sql.unsafe`
      update sessions set last_seen_at = last_seen_at - interval '7 days'`);
    expect(await status(browser)).toBe(401);
  });

  it('of local mode opens nothing once people sign in', async () => {
    const browser = house.browser();
    const { accountId } = { accountId: 'acc_local' };
    await house.runtime.key('user', accountId);
    const secret = 'L'.repeat(43);
    await createSession(house.runtime.host.pool, {
      ...{ accountId, hash: hashSecret(secret), id: 'ses_local', ttlMs: 60_000 },
    });
    browser.cookies.set('tessera_session', secret);
    expect(await status(browser)).toBe(401);
  });
});

describe('a Mini App', () => {
  const enter = async (text: string) => {
    const browser = house.browser();
    return { browser, answer: await browser.ask('/v1/session/telegram', { init_data: text }) };
  };
  const user = () => ({ id: Number(house.fake.user.id), first_name: 'Ann' });

  it('opens the account its bot knows, once for each opening', async () => {
    const text = initData({ at: house.runtime.clock.now(), user: user() });
    const { browser, answer } = await enter(text);
    expect(answer.statusCode).toBe(201);
    expect((await browser.account()).id).toBe(answer.json().id);
    expect((await (await signedIn('telegram')).account()).id).toBe(answer.json().id);
    expect((await enter(text)).answer.json().code).toBe('sign_in_failed');
    const another = text.replace(/hash=[^&]*/, `hash=${'0'.repeat(64)}`);
    expect((await enter(another)).answer.json().code).toBe('sign_in_failed');
  });

  it('opens nothing with what is too old, or not signed', async () => {
    const at = house.runtime.clock.now();
    for (const text of [initData({ at: at - 3_700_000 }), initData({ at }).replace('42', '43')])
      expect((await enter(text)).answer.json().code).toBe('sign_in_failed');
  });
});

describe('a passkey', () => {
  const add = async (browser: TestBrowser, authenticator: SoftwareAuthenticator) => {
    const begun = (await browser.ask('/v1/account/passkeys/options', {})).json();
    const response = authenticator.create(begun.options);
    const { attempt } = begun;
    return browser.ask('/v1/account/passkeys', { attempt, response, name: 'My key' });
  };
  const use = async (browser: TestBrowser, authenticator: SoftwareAuthenticator) => {
    const { attempt, options } = (await browser.ask('/v1/session/passkey/options', {})).json();
    const response = authenticator.use(options);
    return {
      attempt,
      response,
      answer: await browser.ask('/v1/session/passkey', { attempt, response }),
    };
  };

  it('is added by whoever is signed in, and opens their account', async () => {
    const browser = await signedIn();
    const authenticator = new SoftwareAuthenticator(SITE);
    expect((await add(browser, authenticator)).statusCode).toBe(201);
    const other = house.browser();
    authenticator.counter = 1;
    const { attempt, response, answer } = await use(other, authenticator);
    expect([answer.statusCode, answer.json().id]).toEqual([201, (await browser.account()).id]);
    // Shown again, it opens nothing; nor does one that was copied and counts from where it was.
    const again = await other.ask('/v1/session/passkey', { attempt, response });
    expect(again.json().code).toBe('sign_in_failed');
    expect((await use(other, authenticator)).answer.json().code).toBe('sign_in_failed');
    expect((await other.ask('/v1/account/passkeys')).json().data).toMatchObject([
      { name: 'My key', last_used_at: expect.any(String) },
    ]);
  });

  it('is added once, and removed, but not the last way in', async () => {
    const browser = await signedIn();
    const authenticator = new SoftwareAuthenticator(SITE);
    await add(browser, authenticator);
    expect((await add(browser, authenticator)).json().code).toBe('sign_in_failed');
    const id = authenticator.id.toString('base64url');
    const remove = (url: string) => browser.ask(url, undefined, 'DELETE');
    expect((await remove(`/v1/account/passkeys/${id}`)).statusCode).toBe(204);
    expect((await use(house.browser(), authenticator)).answer.json().code).toBe('sign_in_failed');
    const last = `/v1/account/identities/discord:${house.fake.user.id}`;
    expect((await remove(last)).json().code).toBe('last_way_in');
  });

  it('makes no account: nobody signs up with one', async () => {
    const stranger = new SoftwareAuthenticator(SITE);
    const { answer } = await use(house.browser(), stranger);
    expect(answer.json().code).toBe('sign_in_failed');
    expect((await house.browser().ask('/v1/account/passkeys/options', {})).statusCode).toBe(401);
  });

  it('of one person is not added by a sign-in that another began', async () => {
    const [ann, authenticator] = [await signedIn(), new SoftwareAuthenticator(SITE)];
    const begun = (await ann.ask('/v1/account/passkeys/options', {})).json();
    house.fake.user = { id: String((person += 1)), name: 'Ben' };
    await ann.signIn('discord');
    const { attempt, options } = begun;
    const response = authenticator.create(options);
    const answer = await ann.ask('/v1/account/passkeys', { attempt, response, name: 'x' });
    expect(answer.json().code).toBe('sign_in_failed');
  });
});

it('keeps people of bots and of the site apart where they are apart', async () => {
  const browser = await signedIn();
  const headers = { 'tessera-user': 'discord:999999' };
  const other = await house.runtime.call({ key: bot, url: '/v1/account', headers });
  expect(other.json().id).not.toBe((await browser.account()).id);
});
