import { describe, expect, test } from 'vitest';
import type { StoreFactory } from '../conformance.ts';
import type { OutboxWrite, Store, StreamWrite } from '../store.ts';
import { ALICE, batchOf, BOB, holdLegs, turn, job } from './batches.ts';
import { withStore } from './with-store.ts';

const message = (id: string, destination = 'worker:a', payload = '{}'): OutboxWrite => ({
  component: 0,
  accountId: ALICE,
  id,
  destination,
  payload,
});

const published = (jobId: string, revision: number, accountId = ALICE): StreamWrite => ({
  component: 0,
  accountId,
  jobId,
  revision,
  payload: JSON.stringify({ jobId, revision }),
});

export function testDelivery(factory: StoreFactory): void {
  const run = withStore(factory);

  describe('outbox', () => {
    test(
      'oldest first, by destination, until delivered',
      run(async ({ store }) => {
        await store.commit(batchOf({ outbox: [message('1'), message('2', 'worker:b')] }));
        await store.commit(batchOf({ outbox: [message('3'), message('4', 'worker:c')] }));
        const ids = async (destinations: string[], limit = 10) =>
          (await store.outbox(destinations, limit)).map(({ id }) => id);
        expect(await ids(['worker:a', 'worker:b'])).toEqual(['1', '2', '3']);
        expect(await ids(['worker:a', 'worker:b'], 2)).toEqual(['1', '2']);
        expect(await ids([])).toEqual([]);
        await store.outboxDelivered([
          { accountId: ALICE, id: '1' },
          { accountId: BOB, id: '2' },
        ]);
        expect(await ids(['worker:a', 'worker:b'])).toEqual(['2', '3']);
      }),
    );

    test(
      'the same id again keeps the first row',
      run(async ({ store }) => {
        await store.commit(batchOf({ outbox: [message('1', 'worker:a', '"first"')] }));
        const again = batchOf({
          ...turn(0, job(1), 0),
          outbox: [message('1', 'worker:a', '"again"')],
        });
        expect((await store.commit(again)).lost).toEqual([]);
        expect(await store.outbox(['worker:a'], 10)).toEqual([
          { accountId: ALICE, id: '1', destination: 'worker:a', payload: '"first"' },
        ]);
      }),
    );
  });

  describe('stream', () => {
    test(
      'is numbered in the order of commits and read from any point',
      run(async ({ store, other }) => {
        expect(await store.streamHead()).toBe(0);
        await store.commit(batchOf({ stream: [published('job_1', 1), published('job_2', 1)] }));
        await other.commit(batchOf({ stream: [published('job_1', 2)] }));
        await store.commit(batchOf({}));
        const last = await store.commit(batchOf({ stream: [published('job_9', 1, BOB)] }));
        expect(last.published).toEqual({ from: 3, to: 4 });
        expect((await store.commit(batchOf({}))).published).toBeNull();
        expect(await other.streamEntries(2, 5)).toEqual([
          { seq: 3, ref: job(1), revision: 2 },
          { seq: 4, ref: job(9, BOB), revision: 1 },
        ]);
        const rows = await other.readStream(null, 0, 10);
        expect(rows.map(({ seq, jobId }) => `${seq} ${jobId}`)).toEqual([
          '1 job_1',
          '2 job_2',
          '3 job_1',
          '4 job_9',
        ]);
        expect(rows[3]).toEqual({
          ...{ seq: 4, accountId: BOB, jobId: 'job_9', payload: '{"jobId":"job_9","revision":1}' },
        });
        expect(await other.streamHead()).toBe(4);
        const seqs = async (accountId: string | null, after: number, limit = 10) =>
          (await other.readStream(accountId, after, limit)).map(({ seq }) => seq);
        expect(await seqs(null, 1, 2)).toEqual([2, 3]);
        expect(await seqs(ALICE, 1)).toEqual([2, 3]);
        expect(await seqs(BOB, 0)).toEqual([4]);
        expect(await seqs(null, 4)).toEqual([]);
      }),
    );

    test(
      'has no gap and skips nobody while four write and two read at once',
      run(async ({ store, other }) => {
        const commits = 40;
        const writer = async (by: Store, jobId: string) => {
          for (let revision = 1; revision <= commits; revision += 1) {
            await by.commit(batchOf({ stream: [published(jobId, revision)] }));
          }
        };
        const total = 4 * commits;
        const reader = async (by: Store) => {
          const seen: number[] = [];
          while ((seen.at(-1) ?? 0) < total) {
            // A subscriber that reads on from its last seq must never miss a lower one.
            seen.push(...(await by.readStream(null, seen.at(-1) ?? 0, 1000)).map(({ seq }) => seq));
          }
          return seen;
        };
        const [first, second] = await Promise.all([
          reader(store),
          reader(other),
          writer(store, 'job_1'),
          writer(other, 'job_2'),
          writer(other, 'job_3'),
          writer(store, 'job_4'),
        ]);
        const all = Array.from({ length: total }, (_, n) => n + 1);
        expect(first).toEqual(all);
        expect(second).toEqual(all);
        const rows = await store.readStream(null, 0, 1000);
        for (const jobId of ['job_1', 'job_2', 'job_3', 'job_4']) {
          const revisions = rows
            .filter((row) => row.jobId === jobId)
            .map(({ payload }) => (JSON.parse(payload) as { revision: number }).revision);
          expect(revisions).toEqual(all.slice(0, commits));
        }
      }),
    );
  });

  describe('what is written once', () => {
    test(
      'ledger and journal cannot be changed behind the store',
      run(async ({ store, tamper }) => {
        if (tamper === undefined) return;
        await store.commit(batchOf({ ...turn(0, job(1), 0), ledger: holdLegs(0, ALICE, 1) }));
        await tamper();
      }),
    );
  });
}
