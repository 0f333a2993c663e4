// Cards from end to end: the real `stripe` client, a strict stand-in for Stripe, the real store.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeStripe } from '../../adapters/payments/stripe/fake-testing.ts';
import { stripeRail } from '../../adapters/payments/stripe/rail.ts';
import { startTestRuntime, type TestRuntime } from '../http/testing.ts';
import { quotaRef } from '../../machines/contract/ids.ts';
import { Reconciliation } from './reconciliation.ts';
import { refuseOtherMode } from './modes.ts';

const DAY_MS = 86_400_000;
let runtime: TestRuntime;
let stripe: FakeStripe;
let reconciliation: Reconciliation;
let admin: string;
const at: { host: string; port: number; protocol: 'http' } = {
  host: '',
  port: 0,
  protocol: 'http',
};

beforeAll(async () => {
  stripe = new FakeStripe({ now: () => runtime.clock.now() });
  Object.assign(at, await stripe.start());
  runtime = await startTestRuntime({
    rails: (clock) => ({
      stripe: stripeRail({
        ...{ secretKey: stripe.secretKey, webhookSecrets: ['whsec_old', stripe.webhookSecret] },
        ...{ planOfPrice: { price_pro: 'pro' }, now: () => clock.now(), at },
      }),
    }),
  });
  const { host } = runtime;
  reconciliation = new Reconciliation({ ...host, till: host.till, log: () => undefined });
  admin = (await runtime.key('admin')).key;
});
afterAll(async () => {
  await runtime.stop();
  await stripe.stop();
});

let account: string;
let key: string;
let n = 0;
beforeEach(async () => {
  account = `acc_pays_${++n}`;
  key = (await runtime.key('user', account)).key;
  stripe.events.length = 0;
});

const hook = ({ payload, signature }: { payload: string; signature: string }) =>
  runtime.call({
    method: 'POST',
    url: '/v1/payments/stripe/webhook',
    headers: { 'content-type': 'application/json', 'stripe-signature': signature },
    payload,
  });
const deliver = async (events = [...stripe.events]) => {
  for (const event of events) expect((await hook(stripe.sent(event))).statusCode).toBe(200);
};
const get = async (url: string, by = key) => (await runtime.call({ url, key: by })).json();
const me = () => get('/v1/account');
const subscription = () => get('/v1/account/subscription');
const order = (article: string) =>
  runtime.call({ url: '/v1/account/checkout', key, json: { article } });
const pay = async (article: string, change = {}) => {
  const opened = await order(article);
  expect(opened.statusCode).toBe(201);
  return stripe.pay(opened.json().id, change);
};
const stuck = () => get('/v1/admin/payments/stuck', admin);
const bought = async () => (await me()).top_up_millitokens;

describe('a plan', () => {
  it('is had once it is paid for, and not before', async () => {
    const opened = (await order('plan:starter')).json();
    expect(await subscription()).toMatchObject({ state: 'pendingPayment', plan: 'free' });
    stripe.pay(opened.id);
    expect((await me()).plan).toBe('free');
    await deliver();
    expect(await subscription()).toMatchObject({
      ...{ state: 'active', plan: 'starter' },
      sources: [{ rail: 'stripe', covers: 'paid', renews: true }],
    });
    expect(await me()).toMatchObject({ plan: 'starter', daily_grant_millitokens: 120_000 });
    const { data } = await get('/v1/account/payments');
    expect(data).toMatchObject([{ article: 'plan:starter', amount: 500, refunded: 0 }]);
    expect(data[0].credited_at).not.toBeNull();
  });

  it('ends the same in any order, also when everything comes twice', async () => {
    const { subscription: id } = await pay('plan:starter');
    stripe.renew(id!, { paid: false, at: stripe.nowS() - 3600 });
    stripe.renew(id!);
    stripe.change(id!, { cancel_at_period_end: true });
    const events = [...stripe.events];
    expect(events.length).toBeGreaterThan(6);
    await deliver([...events.toReversed(), ...events]);
    expect(await subscription()).toMatchObject({
      ...{ state: 'active', plan: 'starter' },
      sources: [{ covers: 'paid', renews: false }],
    });
  });

  it('that is past due is kept for a time of grace', async () => {
    const { subscription: id } = await pay('plan:pro');
    stripe.renew(id!, { paid: false });
    await deliver();
    expect(await subscription()).toMatchObject({ state: 'pastDue', plan: 'pro' });
    stripe.change(id!, { status: 'canceled' }, 'customer.subscription.deleted');
    await deliver();
    expect(await subscription()).toMatchObject({ state: 'cancelled', plan: 'free' });
  });

  it('changed in the portal goes by its price', async () => {
    const { subscription: id } = await pay('plan:starter');
    stripe.setPrice(id!, 'price_pro');
    await deliver();
    expect((await me()).plan).toBe('pro');
    stripe.setPrice(id!, 'price_inline');
    await deliver();
    expect((await me()).plan).toBe('starter');
    expect((await me()).allowance_millitokens).toBe(300_000); // what was granted today stays
  });

  it('is not sold twice; the portal says where the first one is', async () => {
    await pay('plan:starter');
    await deliver();
    const second = await order('plan:pro');
    expect([second.statusCode, second.json().code]).toEqual([409, 'already_subscribed']);
    const portal = await runtime.call({ method: 'POST', url: '/v1/account/portal', key });
    expect(portal.json().url).toMatch(/^https:\/\/portal\.example\/cus_/);
  });

  it('ends when its payment is disputed, and comes back when that is won', async () => {
    const { intent } = await pay('plan:pro');
    const dispute = stripe.dispute(intent);
    await deliver();
    expect((await me()).plan).toBe('free');
    stripe.closeDispute(dispute, 'won');
    await deliver();
    expect((await me()).plan).toBe('pro');
  });
});

describe('tokens', () => {
  it('are credited once, with a line that names the payment', async () => {
    const { intent } = await pay('topUp:small');
    await deliver();
    await deliver();
    expect(await bought()).toBe(100_000);
    const { data } = await get('/v1/account/ledger');
    expect(data[0].reason).toBe(`Top-up of 100 tokens, paid by card (${intent})`);
  });

  it('go back with their payment: in part, in full, never beyond', async () => {
    await pay('topUp:small');
    await deliver();
    const [payment] = (await get('/v1/account/payments')).data;
    const refund = (json: object, once: string) =>
      runtime.call({
        ...{ url: `/v1/admin/payments/${payment.id}/refund`, key: admin },
        ...{ json: { reason: 'asked for it', ...json }, headers: { 'idempotency-key': once } },
      });
    expect((await refund({ amount: 50 }, 'one')).json()).toMatchObject({ refunded: 50 });
    expect((await refund({ amount: 50 }, 'one')).json()).toMatchObject({ refunded: 50 });
    expect(await bought()).toBe(75_000);
    expect((await refund({ amount: 151 }, 'two')).json().code).toBe('refund_too_large');
    expect((await refund({}, 'three')).json()).toMatchObject({ refunded: 200 });
    await deliver(); // Stripe says so, too
    expect(await bought()).toBe(0);
    expect((await refund({}, 'four')).json().code).toBe('refund_too_large');
  });

  it('that were used and disputed are not had twice when the dispute is won', async () => {
    const { intent } = await pay('topUp:small');
    await deliver();
    const post = (event: Parameters<typeof runtime.core.turns.post>[1]) =>
      runtime.core.turns.post(quotaRef(account), event);
    await post({ type: 'hold.requested', job: 'j', amountMt: 80_000, reason: 'held' });
    const dispute = stripe.dispute(intent);
    await deliver();
    expect(await bought()).toBe(0);
    stripe.closeDispute(dispute, 'won');
    await deliver();
    expect(await bought()).toBe(40_000); // 60,000 of it are held
  });

  it('are as many as were paid for', async () => {
    await pay('topUp:small', { amount: 50 });
    await deliver();
    expect(await bought()).toBe(25_000);
  });
});

describe('what is not believed', () => {
  const codeOf = async (sent: { payload: string; signature: string }) => {
    const { statusCode, ...answer } = await hook(sent);
    return [statusCode, JSON.parse(answer.body).code];
  };

  it('a forged, altered, re-encoded or old message', async () => {
    await pay('topUp:large');
    const [event] = stripe.events;
    const sent = stripe.sent(event!);
    expect(await codeOf({ ...sent, signature: 't=1,v1=00' })).toEqual([400, 'forged']);
    expect(await codeOf({ ...sent, payload: sent.payload.replace('800', '900') })).toEqual([
      400,
      'forged',
    ]);
    const compact = JSON.stringify(JSON.parse(sent.payload));
    expect(await codeOf({ ...sent, payload: compact })).toEqual([400, 'forged']);
    expect(await codeOf(stripe.sent(event!, { secret: 'whsec_other' }))).toEqual([400, 'forged']);
    const old = stripe.sent(event!, { at: stripe.nowS() - 301 });
    expect(await codeOf(old)).toEqual([400, 'forged']);
    expect(await bought()).toBe(0);
    expect((await hook(stripe.sent(event!, { secret: 'whsec_old' }))).statusCode).toBe(200);
    expect(await bought()).toBe(500_000);
  });

  it('a message of the other mode', async () => {
    await pay('topUp:small');
    const live = { ...stripe.events[0]!, livemode: true };
    expect(await codeOf(stripe.sent(live))).toEqual([400, 'wrong_mode']);
  });

  it('what a message says of an amount', async () => {
    const { intent } = await pay('topUp:small');
    const [event] = structuredClone(stripe.events);
    const said = (event!['data'] as { object: { metadata: object } }).object;
    said.metadata = { tessera_bought_mt: '99000000' };
    await hook(stripe.sent(event!));
    expect([await bought(), intent.startsWith('pi_')]).toEqual([100_000, true]);
  });

  it('a database with payments of the other mode', async () => {
    await pay('topUp:small');
    await deliver();
    const live = { ...runtime.host.till.rail('stripe')!, isLive: true };
    const till = Object.assign(Object.create(runtime.host.till) as object, {}) as never;
    Object.defineProperty(till, 'rails', { value: [live] });
    await expect(refuseOtherMode(runtime.host.pool, till)).rejects.toThrow(/live mode.*test mode/);
    await refuseOtherMode(runtime.host.pool, runtime.host.till);
  });
});

describe('what goes wrong', () => {
  it('of which nobody told us is found and credited', async () => {
    await pay('topUp:small');
    expect(await bought()).toBe(0);
    await reconciliation.reconcile();
    expect(await bought()).toBe(100_000);
    await reconciliation.reconcile();
    await deliver();
    expect(await bought()).toBe(100_000);
  });

  it('while Stripe is away waits, is seen, and is credited later', async () => {
    await pay('topUp:small');
    stripe.isDown = true;
    await deliver();
    stripe.isDown = false;
    expect(await bought()).toBe(0);
    const { events } = await stuck();
    expect(events).toMatchObject([{ type: 'checkout.session.completed', attempts: 1 }]);
    const retry = await runtime.call({
      method: 'POST',
      url: '/v1/admin/payments/retry',
      key: admin,
    });
    expect(retry.json().events).toBe(1);
    await reconciliation.runOnce();
    expect(await bought()).toBe(100_000);
    expect((await stuck()).events).toEqual([]);
  });

  it('for an account that is not there, or is another one, is shown to an operator', async () => {
    const { intent } = await pay('topUp:small');
    const meta = stripe.get(intent)['metadata'] as Record<string, string>;
    meta['tessera_account'] = 'acc_somebody_else';
    await deliver();
    const [other] = (await stuck()).events;
    expect(other.problem).toContain(`made out to acc_somebody_else, but its payer is ${account}`);
    Object.assign(stripe.get(intent), { customer: 'cus_unknown' });
    await runtime.call({ method: 'POST', url: '/v1/admin/payments/retry', key: admin });
    await reconciliation.runOnce();
    const [gone] = (await stuck()).events;
    expect(gone.problem).toContain('acc_somebody_else, which does not exist');
    expect(await bought()).toBe(0);
    meta['tessera_account'] = account;
    await runtime.call({ method: 'POST', url: '/v1/admin/payments/retry', key: admin });
    await reconciliation.runOnce();
    expect([await bought(), (await stuck()).events]).toEqual([100_000, []]);
  });

  it('a period that ends while nobody says anything ends in grace, then in nothing', async () => {
    await pay('plan:starter');
    await deliver();
    runtime.clock.aheadMs += 31 * DAY_MS;
    expect((await subscription()).sources[0].covers).toBe('grace');
    runtime.clock.aheadMs += 3 * DAY_MS;
    expect((await subscription()).sources[0].covers).toBeNull();
    runtime.clock.aheadMs -= 34 * DAY_MS;
  });
});
