// The writer, when things go wrong: races, unknown outcomes, poison, a store that is away.
import { describe, expect, test } from 'vitest';
import { MemoryStore } from '../db/memory-store.ts';
import { StoreUnavailable, UnknownOutcome, type CommitBatch, type Store } from '../db/store.ts';
import { jobRef, quotaRef } from '../machines/contract/ids.ts';
import type { QuotaContext } from '../machines/quota/decisions.ts';
import { restore } from './actor.ts';
import { realIds, type Clock } from './clock.ts';
import { Parked, Poison } from './parking.ts';
import { Residents } from './residents.ts';
import { spec } from './testing.ts';
import { Turns } from './turn.ts';
import { contextOf } from './views.ts';

const NOON = Date.UTC(2026, 0, 15, 12);
const at = () => NOON;
/** Time stands still, and pauses take none. */
const clock: Clock = {
  now: at,
  sync: () => undefined,
  sleep: () => new Promise((resolve) => setImmediate(resolve)),
};

const turnsOver = (store: Store, giveUp = new AbortController().signal) =>
  new Turns({
    store,
    clock,
    ids: realIds,
    residents: new Residents(store, 1000),
    assigner: { assign: () => [], upcoming: () => [], withdrawn: () => undefined },
    committed: () => undefined,
    published: () => undefined,
    giveUp,
    log: () => undefined,
  });

const submit = (turns: Turns, id: string, accountId = 'acc_a') =>
  turns.post(jobRef(accountId, id), {
    type: 'job.submitRequested',
    spec: spec(id, { accountId, costMt: 50 }),
    impossible: null,
  });

async function quotaOf(store: Store, accountId = 'acc_a') {
  const [row] = await store.load([quotaRef(accountId)]);
  const quota = restore(row!);
  return { revision: quota.revision, balance: contextOf<QuotaContext>(quota).balance };
}

/** The memory store, with its next commits under a test's control. */
function faulty() {
  const store = new MemoryStore({ now: at });
  const commit = store.commit.bind(store);
  const faults: ((batch: CommitBatch) => ReturnType<Store['commit']>)[] = [];
  store.commit = (batch) => (faults.shift() ?? commit)(batch);
  return { store, commit, next: (...more: typeof faults) => faults.push(...more) };
}

describe('two writers on one account', () => {
  test('every event is applied once and revisions have no gap', async () => {
    const store = new MemoryStore({ now: at });
    const writers = [turnsOver(store), turnsOver(store), turnsOver(store)];
    const events = 40;
    await Promise.all(
      writers.flatMap((turns, writer) =>
        Array.from({ length: events }, (_, n) => submit(turns, `job_${writer}_${n}`)),
      ),
    );
    const { revision, balance } = await quotaOf(store);
    expect(balance.heldMt).toBe(3 * events * 50);
    expect(Object.keys(balance.holds)).toHaveLength(3 * events);
    expect(revision).toBe(3 * events);
  });

  test('the same job submitted through both is one job', async () => {
    const store = new MemoryStore({ now: at });
    const outcomes = await Promise.all([
      submit(turnsOver(store), 'job_1'),
      submit(turnsOver(store), 'job_1'),
    ]);
    expect(outcomes.filter((outcome) => outcome.ok && outcome.changed)).toHaveLength(1);
    expect((await quotaOf(store)).balance.heldMt).toBe(50);
  });
});

describe('a commit of which nobody knows the outcome', () => {
  test('that was written is not applied again', async () => {
    const { store, commit, next } = faulty();
    next(async (batch) => {
      await commit(batch);
      throw new UnknownOutcome(batch.batchId);
    });
    expect(await submit(turnsOver(store), 'job_1')).toMatchObject({ ok: true, changed: true });
    expect((await quotaOf(store)).revision).toBe(1);
  });

  test('that was not written is applied', async () => {
    const { store, next } = faulty();
    next((batch) => Promise.reject(new UnknownOutcome(batch.batchId)));
    expect(await submit(turnsOver(store), 'job_1')).toMatchObject({ ok: true, changed: true });
    expect((await quotaOf(store)).balance.heldMt).toBe(50);
  });

  test('that arrives late, while the second try is under way, counts once', async () => {
    const { store, commit, next } = faulty();
    let late: CommitBatch;
    next(
      (batch) => {
        late = batch;
        return Promise.reject(new UnknownOutcome(batch.batchId));
      },
      async (batch) => {
        await commit(late);
        return commit(batch);
      },
    );
    expect(await submit(turnsOver(store), 'job_1')).toMatchObject({ ok: true });
    const { revision, balance } = await quotaOf(store);
    expect([revision, balance.heldMt]).toEqual([1, 50]);
  });
});

describe('poison', () => {
  test('parks its actor, tells its caller, and leaves the neighbours alone', async () => {
    const store = new MemoryStore({ now: at });
    const turns = turnsOver(store);
    await submit(turns, 'job_1');
    const capture = {
      type: 'hold.captureRequested',
      job: 'job_x',
      amountMt: 1,
      reason: '',
    } as const;
    const [poisoned, neighbour] = await Promise.allSettled([
      turns.post(quotaRef('acc_a'), capture),
      submit(turns, 'job_2', 'acc_b'),
    ]);
    expect(poisoned).toMatchObject({ status: 'rejected', reason: expect.any(Poison) });
    expect(neighbour).toMatchObject({ status: 'fulfilled', value: { ok: true } });
    await expect(submit(turns, 'job_3')).rejects.toThrow(Parked);
    const [row] = await store.load([quotaRef('acc_a')]);
    expect(row).toMatchObject({ parked: true, revision: 1 });
  });

  test('a row that the store will not have fails alone', async () => {
    const { store, commit } = faulty();
    store.commit = (batch) =>
      batch.actors.some(({ ref }) => ref.accountId === 'acc_bad')
        ? Promise.reject(new Error('violates a constraint'))
        : commit(batch);
    const turns = turnsOver(store);
    const [bad, good] = await Promise.allSettled([
      submit(turns, 'job_1', 'acc_bad'),
      submit(turns, 'job_2', 'acc_good'),
    ]);
    expect(bad).toMatchObject({ status: 'rejected', reason: { message: 'violates a constraint' } });
    expect(good).toMatchObject({ status: 'fulfilled', value: { ok: true } });
  });
});

describe('the same request again, after a restart', () => {
  const submitOnce = (turns: Turns, costMt: number, impossible: string | null = null) =>
    turns.post(jobRef('acc_a', 'job_1'), {
      type: 'job.submitRequested',
      spec: spec('job_1', { costMt }),
      impossible,
    });

  test.each([
    ['the tokens would not do for a second job', null],
    ['no worker could do it any more', 'No worker can.'],
  ])('finds its job, though %s', async (_, impossible) => {
    const store = new MemoryStore({ now: at });
    await submitOnce(turnsOver(store), 15_000);
    const again = await submitOnce(turnsOver(store), 15_000, impossible);
    expect(again).toMatchObject({ ok: true, changed: false });
    expect((await quotaOf(store)).balance.heldMt).toBe(15_000);
  });

  test('that was turned down is turned down', async () => {
    const store = new MemoryStore({ now: at });
    for (let n = 0; n < 2; n++)
      expect(await submitOnce(turnsOver(store), 20_001)).toMatchObject({ ok: false });
    expect(await store.load([quotaRef('acc_a')])).toEqual([]);
  });
});

test('a store that is away for a moment is waited for', async () => {
  const { store, next } = faulty();
  const away = () => Promise.reject(new StoreUnavailable('connection refused'));
  next(away, away, away);
  expect(await submit(turnsOver(store), 'job_1')).toMatchObject({ ok: true });
});

test('a store that stays away is reported, and nothing is written', async () => {
  const { store, next } = faulty();
  next(...Array.from({ length: 50 }, () => () => Promise.reject(new StoreUnavailable('gone'))));
  await expect(submit(turnsOver(store), 'job_1')).rejects.toThrow(StoreUnavailable);
  expect(await store.load([quotaRef('acc_a')])).toEqual([]);
});

test('an event posted by who was just answered is not left lying', async () => {
  const store = new MemoryStore({ now: at });
  const turns = turnsOver(store);
  for (let n = 0; n < 20; n++) await submit(turns, `job_${n}`);
  expect((await quotaOf(store)).revision).toBe(20);
});

test('a runtime that ends does not wait for ever for a store that is away', async () => {
  const { store, next } = faulty();
  const giveUp = new AbortController();
  next((batch) => Promise.reject(new UnknownOutcome(batch.batchId)));
  store.committed = () => Promise.reject(new StoreUnavailable('away'));
  const turns = turnsOver(store, giveUp.signal);
  const answer = submit(turns, 'job_1');
  const told = expect(answer).rejects.toThrow(StoreUnavailable);
  giveUp.abort();
  await told;
  await turns.idle();
});
