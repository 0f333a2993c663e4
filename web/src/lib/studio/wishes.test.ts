// Sending once, and fetching no more often than needed.
import { describe, expect, test } from 'vitest';
import { localProblem } from '../../../../adapters/client/problem.ts';
import type { JobView } from '../../../../machines/contract/views.ts';
import { coalesce } from './coalesce.ts';
import { createSubmission } from './submission.ts';

describe('a submission', () => {
  const HERON = { modality: 'image', prompt: 'a heron' } as const;
  const OTTER = { modality: 'image', prompt: 'an otter' } as const;

  function sending(...outcomes: (Error | 'accepted')[]) {
    const keys: string[] = [];
    const submit = createSubmission((_request, { idempotencyKey }) => {
      keys.push(idempotencyKey);
      const outcome = outcomes.shift() ?? 'accepted';
      return outcome === 'accepted'
        ? Promise.resolve({ id: 'job_1' } as JobView)
        : Promise.reject(outcome);
    });
    const send = (request: typeof HERON | typeof OTTER) => submit(request).catch(() => null);
    return { keys, send };
  }

  test.each([0, 429, 500, 502, 503, 504])(
    'keeps its key while %i leaves it open',
    async (status) => {
      const { keys, send } = sending(localProblem('x', 'x', status));
      await send(HERON);
      await send(HERON);
      expect(keys[1]).toBe(keys[0]);
    },
  );

  test('another wish has another key, and so has the same wish once it was answered', async () => {
    const { keys, send } = sending(localProblem('unreachable', 'x'));
    await send(HERON);
    await send(OTTER);
    await send(OTTER);
    expect(new Set(keys).size).toBe(3);
  });

  test.each([400, 402, 409, 422])('a clear refusal with %i ends the wish', async (status) => {
    const { keys, send } = sending(localProblem('x', 'x', status));
    await send(HERON);
    await send(HERON);
    expect(keys[1]).not.toBe(keys[0]);
  });
});

describe('coalesce', () => {
  test('many callers share one call on the way and one behind it', async () => {
    const ends: (() => void)[] = [];
    const fetchIt = coalesce(() => new Promise<void>((resolve) => ends.push(resolve)));
    const first = fetchIt();
    const others = [fetchIt(), fetchIt(), fetchIt()];
    expect(ends).toHaveLength(1);
    ends[0]?.();
    await first;
    await expect.poll(() => ends.length).toBe(2);
    ends[1]?.();
    await Promise.all(others);
    expect(ends).toHaveLength(2);
  });

  test('a failure reaches its callers, and the next call starts afresh', async () => {
    let calls = 0;
    const fetchIt = coalesce(() => {
      calls += 1;
      return calls === 1 ? Promise.reject(new Error('down')) : Promise.resolve();
    });
    await expect(fetchIt()).rejects.toThrow('down');
    await fetchIt();
    expect(calls).toBe(2);
  });
});
