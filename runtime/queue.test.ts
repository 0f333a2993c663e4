// The line of waiting jobs: whatever comes, leaves and comes back, it is in order and counts right.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { WaitingJob } from '../machines/scheduling/policy.ts';
import { Queue } from './queue.ts';

const job = (n: number, queuedAt: number): WaitingJob => ({
  ...{ id: `job_${n}`, accountId: 'acc_a', model: 'sketch', plan: 'free' },
  ...{ queuedAt, work: 1 + (n % 3), runMs: 1000, batchKey: null, failedOn: [], isFirst: false },
});

test('is a sorted list, by any way of coming and going', () => {
  const step = fc.record({ n: fc.nat(30), at: fc.nat(20), comes: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const queue = new Queue();
      const model = new Map<string, WaitingJob>();
      for (const { n, at, comes } of steps) {
        const each = job(n, at);
        if (comes) queue.set(each);
        else queue.remove(each.id);
        if (comes) model.set(each.id, each);
        else model.delete(each.id);
        const expected = [...model.values()].sort(
          (a, b) => a.queuedAt - b.queuedAt || (a.id < b.id ? -1 : 1),
        );
        const [group] = queue.groups;
        expect([...(group?.jobs ?? [])]).toEqual(expected);
        expect(group?.size ?? 0).toBe(expected.length);
        expect(group?.work ?? 0).toBe(expected.reduce((sum, { work }) => sum + work, 0));
        expect(expected.map((one) => group?.before(one))).toEqual(expected.map((_, i) => i));
      }
    }),
  );
});
