// Stripe, as far as the real `stripe` client is led to speak to it here: strict (an unknown path, a wrong key or an
// unknown parameter is an error), stateful, on loopback. What a person or time would do is a method.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Stripe from 'stripe';

type Row = Record<string, unknown> & { id: string };
type Form = Record<string, string>;

class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const MONTH_S = 30 * 86_400;
const DAY_S = 86_400;

export class FakeStripe {
  readonly secretKey: string;
  readonly webhookSecret = 'whsec_fake';
  readonly calls: string[] = [];
  readonly events: Row[] = [];
  isDown = false;
  nowS: () => number;
  #rows = new Map<string, Row>();
  #answers = new Map<string, { body: string; answer: object }>();
  #count = 0;
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  constructor({ now, live = false }: { now: () => number; live?: boolean }) {
    this.nowS = () => Math.floor(now() / 1000);
    this.secretKey = live ? 'sk_live_fake' : 'sk_test_fake';
  }

  async start(): Promise<{ host: string; port: number; protocol: 'http' }> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const { port } = this.#server.address() as AddressInfo;
    return { host: '127.0.0.1', port, protocol: 'http' };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  // --- what people and time do --------------------------------------------------------------------

  /** Somebody pays on the page of a checkout. */
  pay(
    session: string,
    change: { amount?: number } = {},
  ): { intent: string; subscription: string | null } {
    const row = this.get(session);
    const { customer, metadata } = row;
    const total = change.amount ?? (row['amount_total'] as number);
    row['status'] = 'complete';
    if (row['mode'] === 'payment') {
      const intent = this.#charge(total, customer, row['pi_metadata']);
      row['payment_intent'] = intent.id;
      this.#happened('checkout.session.completed', row);
      return { intent: intent.id, subscription: null };
    }
    const subscription = this.#add('sub', 'subscription', {
      ...{ customer, metadata: row['sub_metadata'] ?? metadata, status: 'active' },
      ...{ cancel_at_period_end: false, cancel_at: null, amount: total },
      items: { object: 'list', data: [this.#item(this.nowS())] },
    });
    row['subscription'] = subscription.id;
    const intent = this.#invoice(subscription, true)!;
    this.#happened('customer.subscription.created', subscription);
    this.#happened('checkout.session.completed', row);
    return { intent, subscription: subscription.id };
  }

  /** The next period begins, and is paid or not. */
  renew(id: string, { paid = true, at = this.nowS() } = {}): string | null {
    const subscription = this.get(id);
    subscription['items'] = { object: 'list', data: [this.#item(at)] };
    subscription['status'] = paid ? 'active' : 'past_due';
    const intent = this.#invoice(subscription, paid);
    this.#happened('customer.subscription.updated', subscription);
    return intent;
  }

  change(id: string, change: object, type = 'customer.subscription.updated'): void {
    this.#happened(type, Object.assign(this.get(id), change));
  }

  setPrice(id: string, price: string): void {
    const items = this.get(id)['items'] as { data: { price: { id: string } }[] };
    items.data[0]!.price.id = price;
    this.#happened('customer.subscription.updated', this.get(id));
  }

  refund(intent: string, amount: number): void {
    const charge = this.get(this.get(intent)['latest_charge'] as string);
    const refunded = (charge['amount_refunded'] as number) + amount;
    if (refunded > (charge['amount'] as number))
      throw new Refusal(400, 'Refund amount is greater than unrefunded amount on charge.');
    charge['amount_refunded'] = refunded;
    charge['refunded'] = refunded === charge['amount'];
    this.#happened('charge.refunded', charge);
  }

  dispute(intent: string): string {
    const charge = this.get(this.get(intent)['latest_charge'] as string);
    charge['disputed'] = true;
    const fields = { payment_intent: intent, charge: charge.id, status: 'needs_response' };
    const dispute = this.#add('dp', 'dispute', fields);
    this.#happened('charge.dispute.created', dispute);
    return dispute.id;
  }

  closeDispute(id: string, status: 'won' | 'lost'): void {
    this.#happened('charge.dispute.closed', Object.assign(this.get(id), { status }));
  }

  /** An event as Stripe sends it. */
  sent(event: Row, { secret = this.webhookSecret, at = this.nowS() } = {}) {
    const payload = JSON.stringify(event, null, 2);
    const signature = new Stripe(this.secretKey).webhooks.generateTestHeaderString({
      ...{ payload, secret, timestamp: at },
    });
    return { payload, signature };
  }

  get(id: string): Row {
    const row = this.#rows.get(id);
    if (!row) throw new Refusal(404, `No such object: ${id}`);
    return row;
  }

  // --- what that does -----------------------------------------------------------------------------

  #add(prefix: string, object: string, fields: object): Row {
    const id = `${prefix}_${String(++this.#count).padStart(6, '0')}`;
    const row: Row = { id, object, created: this.nowS(), livemode: this.#isLive, ...fields };
    this.#rows.set(id, row);
    return row;
  }

  get #isLive(): boolean {
    return this.secretKey.startsWith('sk_live');
  }

  #item(startS: number) {
    const period = { current_period_start: startS, current_period_end: startS + MONTH_S };
    return { id: 'si_1', object: 'subscription_item', price: { id: 'price_inline' }, ...period };
  }

  #charge(amount: number, customer: unknown, metadata: unknown): Row {
    const money = { currency: 'usd', customer };
    const charge = this.#add('ch', 'charge', {
      ...{ ...money, amount, amount_refunded: 0, refunded: false, disputed: false },
    });
    const intent = this.#add('pi', 'payment_intent', {
      ...{ ...money, amount_received: amount, status: 'succeeded', latest_charge: charge.id },
      metadata: metadata ?? {},
    });
    charge['payment_intent'] = intent.id;
    return intent;
  }

  #invoice(subscription: Row, paid: boolean): string | null {
    const { customer, amount } = subscription;
    const intent = paid ? this.#charge(amount as number, customer, {}) : null;
    const parent = { subscription_details: { subscription: subscription.id } };
    const invoice = this.#add('in', 'invoice', { customer, parent });
    const payment = {
      ...{ id: `inpay_${invoice.id}`, object: 'invoice_payment', invoice: invoice.id },
      status: paid ? 'paid' : 'open',
      payment: { type: 'payment_intent', payment_intent: intent?.id ?? null },
    };
    invoice['payments'] = { object: 'list', data: paid ? [payment] : [], has_more: false };
    subscription['latest_invoice'] = invoice.id;
    this.#happened(paid ? 'invoice.paid' : 'invoice.payment_failed', invoice);
    return intent?.id ?? null;
  }

  #happened(type: string, object: Row): void {
    const event = { type, data: { object: structuredClone(object) }, api_version: 'fake' };
    this.events.push(this.#add('evt', 'event', event));
  }

  // --- HTTP ---------------------------------------------------------------------------------------

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const url = new URL(request.url ?? '/', 'http://fake');
    this.calls.push(`${request.method} ${url.pathname}`);
    let status = 200;
    let answer: object;
    try {
      if (this.isDown) throw new Refusal(503, 'Stripe is away.');
      if (request.headers.authorization !== `Bearer ${this.secretKey}`)
        throw new Refusal(401, 'Invalid API Key provided');
      answer = this.#once(request, url, body);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      status = error.status;
      answer = { error: { type: 'invalid_request_error', message: error.message } };
    }
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer));
  }

  /** The same key: the same answer; with another body: an error. */
  #once(request: IncomingMessage, url: URL, body: string): object {
    const key = request.headers['idempotency-key'];
    const params = Object.fromEntries(new URLSearchParams(body || url.search));
    const does = () => this.#answer(request.method ?? 'GET', url.pathname.slice(4), params);
    if (request.method !== 'POST' || typeof key !== 'string') return does();
    const known = this.#answers.get(key);
    if (known && known.body !== body)
      throw new Refusal(
        400,
        'Keys for idempotent requests can only be used with the same parameters.',
      );
    if (known) return known.answer;
    const answer = structuredClone(does());
    this.#answers.set(key, { body, answer });
    return answer;
  }

  #answer(method: string, path: string, form: Form): object {
    const [resource = '', id = '', more = ''] = path.split('/');
    const call = `${method} ${[resource, id && (/_\d+$/.test(id) ? ':id' : id), more].filter(Boolean).join('/')}`;
    switch (call) {
      case 'POST customers':
        return this.#add('cus', 'customer', { metadata: metaIn(form, 'metadata') });
      case 'POST checkout/sessions':
        return this.#openSession(form);
      case 'POST billing_portal/sessions':
        return { id: 'bps_1', url: `https://portal.example/${this.get(form['customer']!).id}` };
      case 'POST refunds': {
        const intent = this.get(form['payment_intent']!);
        const charge = this.get(intent['latest_charge'] as string);
        const left = (charge['amount'] as number) - (charge['amount_refunded'] as number);
        this.refund(intent.id, form['amount'] === undefined ? left : Number(form['amount']));
        return this.#add('re', 'refund', { payment_intent: intent.id });
      }
      case 'GET invoice_payments':
        return listOf(
          this.#all('invoice')
            .flatMap(
              ({ payments }) =>
                (payments as { data: { payment: { payment_intent: string } }[] }).data,
            )
            .filter(({ payment }) => payment.payment_intent === form['payment[payment_intent]']),
        );
      case 'GET disputes':
        return listOf(
          this.#all('dispute').filter((row) => row['payment_intent'] === form['payment_intent']),
        );
      case 'GET events': {
        const since = Number(form['created[gte]']);
        return listOf(
          this.events.filter(({ created }) => (created as number) >= since).toReversed(),
        );
      }
      case 'GET subscriptions/:id':
        return this.#expanded(this.get(id), form, 'latest_invoice.payments', 'latest_invoice');
      case 'GET payment_intents/:id':
        return this.#expanded(this.get(id), form, 'latest_charge', 'latest_charge');
      case 'GET invoices/:id':
        return { ...this.get(id), payments: undefined };
      default:
        if (call === 'GET checkout/sessions' || path.startsWith('checkout/sessions/'))
          return this.get(more);
        throw new Refusal(404, `Unrecognized request URL (${call})`);
    }
  }

  #all(object: string): Row[] {
    return [...this.#rows.values()].filter((row) => row['object'] === object);
  }

  #expanded(row: Row, form: Form, wanted: string, field: string): object {
    if (form['expand[0]'] !== wanted) return row;
    return { ...row, [field]: this.get(row[field] as string) };
  }

  #openSession(form: Form): Row {
    const price = form['line_items[0][price_data][unit_amount]'];
    if (price === undefined && form['line_items[0][price]'] === undefined)
      throw new Refusal(400, 'You must specify either `price` or `price_data`.');
    if (form['customer'] !== undefined) this.get(form['customer']);
    const session = this.#add('cs', 'checkout.session', {
      ...{ mode: form['mode'], customer: form['customer'] ?? null, status: 'open' },
      ...{ metadata: metaIn(form, 'metadata'), subscription: null, payment_intent: null },
      pi_metadata: metaIn(form, 'payment_intent_data[metadata]'),
      sub_metadata: metaIn(form, 'subscription_data[metadata]'),
      ...{ amount_total: Number(price ?? 500), expires_at: this.nowS() + DAY_S },
    });
    session['url'] = `https://checkout.example/${session.id}`;
    return session;
  }
}

const listOf = (data: readonly object[]) => ({ object: 'list', data, has_more: false, url: '/' });

function metaIn(form: Form, prefix: string): Form {
  const keys = Object.keys(form).filter((key) => key.startsWith(`${prefix}[`));
  return Object.fromEntries(keys.map((key) => [key.slice(prefix.length + 1, -1), form[key]!]));
}
