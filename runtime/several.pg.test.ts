// Several runtimes on one PostgreSQL, as they really hear of each other: a submit at one, dispatched by
// another, run by a worker at a third.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import pg from 'pg';
import { PostgresChannel } from '../db/notifications.ts';
import { PostgresStore } from '../db/postgres-store.ts';
import { PostgresPresence } from '../db/presence.ts';
import { testDatabase, type TestDatabase } from '../db/testing.ts';
import { jobRef } from '../machines/contract/ids.ts';
import { realIds, StoreClock } from './clock.ts';
import { makeCore, type Core } from './core.ts';
import { everyFileIsStored, spec, submit, TestAgent } from './testing.ts';

interface Running {
  readonly core: Core;
  readonly presence: PostgresPresence;
  readonly stop: () => Promise<void>;
}

let database: TestDatabase;
const running = new Map<string, Running>();

beforeAll(async () => void (database = await testDatabase()));
afterEach(async () => {
  for (const { stop } of running.values()) await stop();
  running.clear();
});
afterAll(() => database.drop());

async function start(runtimeId: string): Promise<Running> {
  const { url } = database;
  const store = new PostgresStore({ url });
  const presence = new PostgresPresence({ url, runtimeId });
  const core = makeCore({
    ...{ store, runtimeId, presence },
    channel: new PostgresChannel({ url }),
    clock: new StoreClock(),
    ids: realIds,
    isStored: everyFileIsStored,
    version: 'test',
    log: () => undefined,
  });
  await core.start();
  const stop = () => core.stop().then(() => store.close());
  running.set(runtimeId, { core, presence, stop });
  return running.get(runtimeId)!;
}

/** The first one started holds the leases. */
async function three(): Promise<[Running, Running, Running]> {
  return [await start('a'), await start('b'), await start('c')];
}

/** Does all it is told to, at once. */
class WillingAgent extends TestAgent {
  readonly ran: string[] = [];
  #done = 0;
  work(): void {
    for (; this.#done < this.heard.length; this.#done++) {
      const frame = this.heard[this.#done]!;
      if ('id' in frame) this.say({ type: 'acknowledged', command: frame.id });
      if (frame.type === 'load')
        this.say({ type: 'loaded', model: frame.model, loadMs: 1, vramBytes: 1 });
      if (frame.type !== 'run') continue;
      this.ran.push(frame.job);
      this.say({ type: 'started', job: frame.job, attempt: frame.attempt });
      this.finish(frame.job, frame.attempt);
    }
  }
}

function connect({ core }: Running, workerId: string): WillingAgent {
  const agent = new WillingAgent(core, workerId);
  agent.hello({ slots: 4 });
  return agent;
}

const PATIENCE = { timeout: 20_000, interval: 5 };

async function ask<Row extends pg.QueryResultRow>(text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const { rows } = await client.query<Row>(text);
  await client.end();
  return rows;
}

describe('three runtimes', () => {
  test('a submit at one is dispatched by the second to a worker at the third, at once', async () => {
    const [a, b, c] = await three();
    expect(a.core.leases.held('dispatcher')).not.toBeNull();
    const agent = connect(c, 'wrk_1');
    await expect.poll(() => a.core.dispatcher.models().length, PATIENCE).toBe(1);
    const accountId = 'acc_at_once';
    for (let n = 0; n < 15; n++) {
      const id = `job_once_${n}`;
      await submit(b.core, spec(id, { accountId }));
      await expect.poll(() => agent.of('run').at(-1)?.job, PATIENCE).toBe(id);
      agent.work();
    }
    const settled = `select state from actors where account_id = '${accountId}' and kind = 'job'`;
    await expect
      .poll(async () => (await ask<{ state: string }>(settled)).map(({ state }) => state), PATIENCE)
      .toEqual(Array.from({ length: 15 }, () => 'succeeded'));
  });

  test('contested turns: one commit per revision, no job twice, the books exact', async () => {
    const runtimes = await three();
    const agents = runtimes.map((runtime, n) => connect(runtime, `wrk_contested_${n}`));
    const timer = setInterval(() => agents.forEach((agent) => agent.work()), 5);
    const accountIds = Array.from({ length: 4 }, (_, n) => `acc_contested_${n}`);
    // The same wishes everywhere at once, and cancels against what is just being done.
    const outcomes = await Promise.allSettled(
      accountIds.flatMap((accountId) =>
        Array.from({ length: 20 }, (_, n) => `${accountId}_${n}`).flatMap((id) =>
          runtimes.map(async ({ core }, at) => {
            const outcome = await submit(core, spec(`job_${id}`, { accountId }));
            if (at === 2 && id.endsWith('7'))
              await core.turns.post(jobRef(accountId, `job_${id}`), {
                type: 'job.cancelRequested',
              });
            return outcome;
          }),
        ),
      ),
    );
    const ofThem = `account_id like 'acc\\_contested%'`;
    const left = `select count(*)::int as n from actors where ${ofThem} and kind = 'job'
      and not settled`;
    await expect.poll(async () => (await ask<{ n: number }>(left))[0]?.n, PATIENCE).toBe(0);
    clearInterval(timer);
    expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);

    const [gaps] = await ask<{ n: number }>(
      `select count(*)::int as n from (select max(revision) as last, count(*) as turns from journal
        group by account_id, kind, actor_id) each where last <> turns`,
    );
    expect(gaps?.n).toBe(0);
    const endings = await ask<{ actor_id: string; n: number }>(
      `select actor_id, count(*)::int as n from journal where ${ofThem} and kind = 'job'
        and to_state in ('succeeded', 'cancelled', 'failed', 'expired') group by 1 having count(*) <> 1`,
    );
    expect(endings).toEqual([]);
    const [books] = await ask<{ sum: number; wrong: number }>(
      `select (select sum(amount_mt)::int from ledger) as sum,
        (select count(*)::int from (select job_id from ledger where ${ofThem} and job_id is not null
          group by job_id having count(distinct posting) <> 2) each) as wrong`,
    );
    expect(books).toEqual({ sum: 0, wrong: 0 });
    const ran = agents.flatMap((agent) => agent.ran);
    expect(new Set(ran).size).toBe(ran.length);
  });

  test('go on when the one that dispatches is gone without a word', async () => {
    const [a, b, c] = await three();
    const agent = connect(c, 'wrk_2');
    await expect.poll(() => a.core.dispatcher.models().length, PATIENCE).toBeGreaterThan(0);
    // What is left of a process after kill -9. Its lease would run for another 15 s.
    a.core.leases.retire();
    await a.presence.close();
    await submit(b.core, spec('job_after', { accountId: 'acc_after' }));
    await expect.poll(() => agent.of('run').length, { timeout: 10_000 }).toBe(1);
    expect([b, c].filter(({ core }) => core.leases.held('dispatcher'))).toHaveLength(1);
    agent.work();
  });
});
