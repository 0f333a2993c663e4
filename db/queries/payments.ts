// Payments: what was paid, by whom, and whether the account has it.
import { type CommonQueryMethods, type DatabasePool, sql } from 'slonik';
import { z } from 'zod';
import { RAILS, type Finding, type Payment, type Rail } from '../../machines/contract/payments.ts';
import { decodeCursor, pageOf, type Page } from './cursor.ts';

const nothing = z.object({});
const rail = z.enum(RAILS);
const found = z.object({ accountId: z.string() });

const paymentRow = z.object({
  accountId: z.string(),
  id: z.string(),
  rail,
  providerId: z.string(),
  live: z.boolean(),
  person: z.string().nullable(),
  article: z.string(),
  currency: z.string(),
  amount: z.number(),
  refunded: z.number(),
  disputed: z.boolean(),
  boughtMt: z.number(),
  keptMt: z.number(),
  paidAt: z.number(),
  asOf: z.number(),
  appliedAt: z.number().nullable(),
});
export type PaymentRow = z.infer<typeof paymentRow>;

const columns = sql.fragment`account_id as "accountId", id, rail, provider_id as "providerId", live, person,
  article, currency, amount, refunded, disputed, bought_mt as "boughtMt", kept_mt as "keptMt",
  paid_at as "paidAt", as_of as "asOf", applied_at as "appliedAt"`;

export async function findCustomer(
  pool: DatabasePool,
  accountId: string,
  of: Rail,
): Promise<string | null> {
  const row = await pool.maybeOne(sql.type(z.object({ customer: z.string() }))`
    select customer from payment_customers where account_id = ${accountId} and rail = ${of}`);
  return row?.customer ?? null;
}

/** The customer that the account has from now on: this one, unless it had one. */
export async function keepCustomer(
  pool: DatabasePool,
  accountId: string,
  of: Rail,
  customer: string,
): Promise<string> {
  const row = await pool.maybeOne(sql.type(z.object({ customer: z.string() }))`
    insert into payment_customers (account_id, rail, customer)
    values (${accountId}, ${of}, ${customer}) on conflict do nothing returning customer`);
  return row?.customer ?? (await findCustomer(pool, accountId, of)) ?? customer;
}

export async function accountOfCustomer(
  pool: DatabasePool,
  of: Rail,
  customer: string,
): Promise<string | null> {
  const row = await pool.maybeOne(sql.type(found)`
    select account_id as "accountId" from payment_customers
    where rail = ${of} and customer = ${customer}`);
  return row?.accountId ?? null;
}

/** Who a payment was noted for, when it was first heard of. */
export async function accountOfPayment(
  pool: DatabasePool,
  of: Rail,
  providerId: string,
): Promise<string | null> {
  const row = await pool.maybeOne(sql.type(found)`
    select account_id as "accountId" from payments
    where rail = ${of} and provider_id = ${providerId}`);
  return row?.accountId ?? null;
}

export interface Noted {
  readonly accountId: string;
  readonly id: string;
  readonly rail: Rail;
  readonly live: boolean;
  readonly asOf: number;
  readonly payer: Finding['payer'];
  readonly payment: Payment;
}

/** Notes what a look has found. An older look changes nothing. */
export async function notePayment(pool: DatabasePool, noted: Noted): Promise<void> {
  const { accountId, id, live, asOf, payer, payment } = noted;
  const { article, currency, amount, refunded, disputed, boughtMt, keptMt, paidAt } = payment;
  await pool.query(sql.type(nothing)`
    insert into payments as p (account_id, id, rail, provider_id, live, person, article, currency, amount,
      refunded, disputed, bought_mt, kept_mt, paid_at, as_of)
    values (${accountId}, ${id}, ${noted.rail}, ${payment.id}, ${live}, ${payer.person}, ${article}, ${currency},
      ${amount}, ${refunded}, ${disputed}, ${boughtMt}, ${keptMt}, to_timestamp(${paidAt}::float8 / 1000), ${asOf})
    on conflict (rail, provider_id) do update set
      amount = excluded.amount, refunded = excluded.refunded, disputed = excluded.disputed,
      kept_mt = excluded.kept_mt, as_of = excluded.as_of,
      applied_at = case when (p.amount, p.refunded, p.disputed, p.kept_mt) is distinct from
        (excluded.amount, excluded.refunded, excluded.disputed, excluded.kept_mt)
        then null else p.applied_at end
    where p.as_of < excluded.as_of`);
}

/** The account was told what a look of that time found. */
export async function markApplied(
  pool: DatabasePool,
  { accountId, providerId, asOf }: { accountId: string; providerId: string; asOf: number },
): Promise<void> {
  await pool.query(sql.type(nothing)`
    update payments set applied_at = clock_timestamp()
    where account_id = ${accountId} and provider_id = ${providerId} and as_of <= ${asOf}
      and applied_at is null`);
}

const place = z.tuple([z.number(), z.string()]);

interface Query {
  readonly limit: number;
  readonly cursor?: string | null;
}

/** Newest first. Throws `InvalidCursor`. */
export async function listPayments(
  pool: DatabasePool,
  accountId: string,
  { limit, cursor = null }: Query,
): Promise<Page<PaymentRow>> {
  const [at, id] = cursor === null ? [null, null] : decodeCursor(cursor, place);
  const after =
    at === null
      ? sql.fragment``
      : sql.fragment`and (paid_at, id) < (to_timestamp(${at}::float8 / 1000), ${id})`;
  const rows = await pool.any(sql.type(paymentRow)`
    select ${columns} from payments where account_id = ${accountId} ${after}
    order by paid_at desc, id desc limit ${limit + 1}`);
  return pageOf(rows, limit, (last) => [last.paidAt, last.id]);
}

export const findPayment = (pool: DatabasePool, id: string): Promise<PaymentRow | null> =>
  pool.maybeOne(sql.type(paymentRow)`select ${columns} from payments where id = ${id}`);

/** Paid and not credited for longer than that, oldest first. */
export const listNotApplied = (
  pool: DatabasePool,
  olderMs: number,
  limit: number,
): Promise<readonly PaymentRow[]> =>
  pool.any(sql.type(paymentRow)`
    select ${columns} from payments
    where applied_at is null and created_at < clock_timestamp() - ${olderMs}::float8 * interval '1 millisecond'
    order by created_at limit ${limit}`);

/** Whether payments of the other mode are in this database: real and pretended money are never mixed. */
export const hasPaymentsOf = (
  pool: CommonQueryMethods,
  of: Rail,
  live: boolean,
): Promise<boolean> =>
  pool.exists(sql.type(nothing)`select 1 from payments where rail = ${of} and live = ${live}`);
