// Random lives of accounts on the real store: submits, cancels at any moment, failures, plan changes, top-ups and
// their return, standings, joins, midnights. After every step the books are read back and held against I1 to I5 and
// I18; I19 as far as the account sees it: no more comes back of a payment than came in.
import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PostgresStore } from '../db/postgres-store.ts';
import { testDatabase, type TestDatabase } from '../db/testing.ts';
import type { ActorEvent } from '../machines/contract/events.ts';
import { jobRef, quotaRef, type ActorRef } from '../machines/contract/ids.ts';
import { allowancesOf, DEFAULT_PLANS } from '../machines/contract/plans.ts';
import type { JobContext } from '../machines/job/context.ts';
import type { QuotaContext } from '../machines/quota/decisions.ts';
import { realIds, StoreClock } from '../runtime/clock.ts';
import { makeCore, type Core } from '../runtime/core.ts';
import { everyFileIsStored, spec } from '../runtime/testing.ts';
import { balancesAreExact, postingsAreSound } from './crash/check-money.ts';
import { readBooks, type Books } from './crash/collect.ts';

// fast-check prints the seed and the path of what failed; both go here to see it again.
const AGAIN = { seed: 20_260_101, numRuns: 12 };
const ALLOWANCES = allowancesOf(DEFAULT_PLANS);

/** The store's clock, and as much later as the life has come. */
class LaterClock extends StoreClock {
  laterMs = 0;
  override now = (): number => Date.now() + this.laterMs;
}

let database: TestDatabase;
let store: PostgresStore;
let client: pg.Client;
let core: Core;
const clock = new LaterClock();

beforeAll(async () => {
  database = await testDatabase();
  store = new PostgresStore({ url: database.url });
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  core = makeCore({
    ...{ store, clock, ids: realIds, isStored: everyFileIsStored, runtimeId: 'lives' },
    ...{ version: 'test', log: () => undefined },
  });
  await core.start();
});
afterAll(async () => {
  await core.stop();
  await client.end();
  await store.close();
  await database.drop();
});

const who = fc.nat({ max: 1 });
const job = fc.nat({ max: 5 });
const amountMt = fc.integer({ min: 1, max: 40_000 });
const key = { attempt: 1, worker: 'wrk_none', epoch: 'e1' };
const output = { blob: `sha256:${'0'.repeat(64)}`, bytes: 9, mediaType: 'image/png', facts: {} };

type Step =
  | { readonly to: 'job'; readonly who: number; readonly job: number; readonly event: ActorEvent }
  | {
      readonly to: 'run';
      readonly who: number;
      readonly job: number;
      readonly forMs: number;
      readonly end: ActorEvent | null;
    }
  | { readonly to: 'submit'; readonly who: number; readonly job: number; readonly costMt: number }
  | { readonly to: 'account'; readonly who: number; readonly event: ActorEvent }
  | { readonly to: 'join'; readonly who: number }
  | { readonly to: 'part'; readonly who: number }
  | { readonly to: 'time'; readonly ms: number };

const jobEvents: readonly ActorEvent[] = [
  { type: 'job.dispatched', worker: key.worker, epoch: key.epoch },
  { type: 'run.started', ...key },
  { type: 'run.finished', ...key, outputs: [output], runMs: 1000 },
  { type: 'run.finished', ...key, outputs: [output, output, output, output], runMs: 1000 },
  { type: 'run.failed', ...key, code: 'unsupported', message: 'No.' },
  { type: 'run.failed', ...key, code: 'invalidInput', message: 'No.' },
  { type: 'worker.lost', ...key },
  { type: 'job.cancelRequested' },
  { type: 'job.cancelRequested', by: 'system' },
];
const accountEvents = fc.oneof(
  fc.record({
    type: fc.constant('plan.changed' as const),
    plan: fc.constantFrom('free' as const, 'starter', 'pro'),
  }),
  fc.record({
    type: fc.constantFrom('topUp.credited' as const, 'topUp.withdrawn'),
    amountMt,
    reason: fc.constant('Bought, or paid back'),
  }),
  fc.record({
    type: fc.constant('standing.changed' as const),
    standing: fc.constantFrom('good' as const, 'good', 'limited', 'suspended'),
  }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      ...{ to: fc.constant('run' as const), who, job },
      forMs: fc.constantFrom(0, 3000, 8000, 60_000),
      end: fc.constantFrom(null, ...jobEvents.slice(2)),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ to: fc.constant('submit' as const), who, job, costMt: amountMt }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      to: fc.constant('job' as const),
      who,
      job,
      event: fc.constantFrom(...jobEvents),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ to: fc.constant('account' as const), who, event: accountEvents }),
  },
  { weight: 1, arbitrary: fc.record({ to: fc.constant('join' as const), who }) },
  { weight: 1, arbitrary: fc.record({ to: fc.constant('part' as const), who }) },
  {
    weight: 2,
    arbitrary: fc.record({
      to: fc.constant('time' as const),
      ms: fc.constantFrom(3000, 8000, 60_000, 43_200_000, 86_400_000),
    }),
  },
);

/** So that no life is without them, however it goes on. */
const OPENING: readonly Step[] = [
  { to: 'submit', who: 0, job: 0, costMt: 10_000 },
  { to: 'run', who: 0, job: 0, forMs: 8000, end: { type: 'job.cancelRequested' } },
  { to: 'submit', who: 0, job: 1, costMt: 8000 },
  { to: 'run', who: 0, job: 1, forMs: 0, end: jobEvents[2]! },
];

let lives = 0;

/** One person with two accounts, as the world outside tells it. */
class Life {
  readonly #n = ++lives;
  readonly seen = new Set<string>();

  account = (n: number): string => `acc_life_${this.#n}_${n}`;
  #job = (n: number, j: number): ActorRef => jobRef(this.account(n), `job_${this.#n}_${n}_${j}`);

  async take(told: Step): Promise<void> {
    if (told.to === 'time') return void (clock.laterMs += told.ms);
    const other = this.account(1 - told.who);
    const own = quotaRef(this.account(told.who));
    if (told.to === 'account') return this.#tell(own, told.event);
    if (told.to === 'join') return this.#tell(own, { type: 'account.joinRequested', into: other });
    if (told.to === 'part')
      return this.#tell(own, { type: 'account.partRequested', holder: other });
    const ref = this.#job(told.who, told.job);
    if (told.to === 'job') return this.#tell(ref, told.event);
    if (told.to === 'run') {
      for (const begins of jobEvents.slice(0, 2)) await this.#tell(ref, begins);
      clock.laterMs += told.forMs;
      if (told.end) await this.#tell(ref, told.end);
      return;
    }
    const { costMt } = told;
    const asked = spec(ref.id, { accountId: ref.accountId, costMt, count: 4, secondMt: 400 });
    await this.#tell(ref, { type: 'job.submitRequested', spec: asked, impossible: null });
  }

  async #tell(to: ActorRef, event: ActorEvent): Promise<void> {
    const outcome = await core.turns.post(to, event);
    this.seen.add(
      `${event.type} ${outcome.ok ? (outcome.changed ? 'counts' : 'is ignored') : 'is refused'}`,
    );
  }
}

async function look(life: Life): Promise<void> {
  const books = await readBooks(client);
  const evidence = { ...books, seen: [], engines: [], outputs: [] };
  expect([...postingsAreSound(evidence), ...balancesAreExact(evidence), ...books.parked]).toEqual(
    [],
  );
  for (const account of [life.account(0), life.account(1)]) lookAt(account, books, life);
  const { rows } = await client.query(
    `select account_id, book, reason from ledger where book in ('system:granted', 'system:expired')
     and reason ~ '\\d{4}-\\d\\d-\\d\\d' group by 1, 2, 3 having count(*) > 1`,
  );
  expect(rows, 'I18 a date is granted once, and expires once').toEqual([]);
}

function lookAt(account: string, { actors, ledger }: Books, life: Life): void {
  const row = actors.find(({ kind, id }) => kind === 'quota' && id === account);
  if (!row) return;
  const { balance } = row.context as QuotaContext;
  const held = Object.values(balance.holds).reduce(
    (sum, hold) => sum + hold.allowanceMt + hold.topUpMt,
    0,
  );
  expect(balance.heldMt, 'I3 held').toBe(held);
  expect(
    Math.min(balance.allowanceMt, balance.topUpMt, balance.heldMt),
    'I3',
  ).toBeGreaterThanOrEqual(0);
  expect(balance.grantedMt, 'I18').toBeLessThanOrEqual(ALLOWANCES.pro.dailyMt);
  const legs = ledger.filter((leg) => leg.account === account);
  const sum = (book: string) =>
    legs.filter((leg) => leg.book === book).reduce((all, leg) => all + leg.amountMt, 0);
  // With what came from the other account of the same person.
  expect(sum('system:sold') + sum('system:moved'), 'I19').toBeLessThanOrEqual(0);
  for (const { id, settled, state, context } of actors.filter(
    (a) => a.kind === 'job' && a.account === account,
  )) {
    const own = legs.filter((leg) => leg.job === id);
    const of = (book: string, sign: number) =>
      own.filter((leg) => leg.book === book && Math.sign(leg.amountMt) === sign);
    expect([of('held', 1).length, of('held', -1).length], `I4 ${id}`).toEqual([1, settled ? 1 : 0]);
    const { spec: asked, run } = context as JobContext;
    const spent = of('system:spent', 1).reduce((all, leg) => all + leg.amountMt, 0);
    expect(spent, `I4 ${id} ${state}`).toBe(run.chargedMt ?? 0);
    const back = of('allowance', 1)
      .concat(of('topUp', 1))
      .reduce((all, leg) => all + leg.amountMt, 0);
    if (settled) expect(spent + back, `I4 ${id} ${state}`).toBe(asked.costMt);
    const isPaid = state === 'succeeded' || (state === 'cancelled' && run.cancelledBy === 'person');
    if (!isPaid) expect(spent, `I4 ${id} ${state}`).toBe(0);
    if (settled)
      life.seen.add(
        `${state}, charged ${spent === 0 ? 'nothing' : spent < asked.costMt ? 'a part' : 'all'}`,
      );
  }
}

it('keeps the books exact after every step of any life', { timeout: 600_000 }, async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 25, maxLength: 50 }), async (steps) => {
      const life = new Life();
      for (const each of [...OPENING, ...steps]) {
        await life.take(each);
        await look(life);
      }
      for (const what of life.seen) seen.add(what);
    }),
    AGAIN,
  );
  // A life in which nothing happens would keep every promise.
  expect([...seen]).toEqual(
    expect.arrayContaining([
      ...['succeeded, charged a part', 'cancelled, charged nothing'],
      ...['cancelled, charged a part', 'failed, charged nothing', 'plan.changed counts'],
      ...['topUp.credited counts', 'topUp.withdrawn counts', 'job.submitRequested is ignored'],
      ...['job.submitRequested is refused', 'account.joinRequested counts'],
    ]),
  );
});
