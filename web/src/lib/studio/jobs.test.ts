import { describe, expect, test } from 'vitest';
import type { JobView } from '../../../../machines/contract/views.ts';
import { createJobsStore } from './jobs.ts';

const job = (n: number, fields: Partial<JobView> = {}) =>
  ({
    id: `job_${n}`,
    state: 'queued',
    phase: 'waiting',
    attempt: 1,
    position: 3,
    created_at: `2026-11-23T10:00:${String(n).padStart(2, '0')}Z`,
    finished_at: null,
    ...fields,
  }) as JobView;
const done = { state: 'succeeded', finished_at: '2026-11-23T11:00:00Z' } as const;
const list = (jobs: JobView[], next_cursor: string | null = null) => ({
  list: { object: 'list' as const, data: jobs, next_cursor },
  at: 0,
});
const progress = (n: number, fraction: number) => ({
  frame: { type: 'progress' as const, job_id: `job_${n}`, fraction },
});
const text = (index: number, words: string) => ({
  frame: { type: 'text' as const, job_id: 'job_1', index, text: words },
});

function started(...jobs: JobView[]) {
  const store = createJobsStore();
  store.trigger.listFetched(list(jobs, 'older'));
  return { store, context: () => store.get().context };
}

describe('the list', () => {
  test('is newest first, whatever the order of arrival', () => {
    const { store, context } = started(job(5), job(3));
    store.trigger.jobChanged({ job: job(4), at: 0 });
    store.trigger.jobChanged({ job: job(9), at: 0 });
    store.trigger.moreFetched(list([job(2), job(1)]));
    store.trigger.jobChanged({ job: job(3, done), at: 0 });
    expect(context().order).toEqual([9, 5, 4, 3, 2, 1].map((n) => `job_${n}`));
    expect(context().nextCursor).toBeNull();
  });

  test('a first page that overlaps keeps what is older; a gap starts anew', () => {
    const { store, context } = started(job(5), job(4));
    store.trigger.moreFetched(list([job(3)], 'oldest'));
    store.trigger.listFetched(list([job(6), job(5)], 'older'));
    expect(context().order).toEqual(['job_6', 'job_5', 'job_4', 'job_3']);
    expect(context().nextCursor).toBe('oldest');
    store.trigger.listFetched(list([job(30), job(29)], 'gap'));
    expect(context().order).toEqual(['job_30', 'job_29']);
    expect(context().nextCursor).toBe('gap');
  });

  test('an ended job never opens again when the stream repeats itself', () => {
    const { store, context } = started(job(1, done));
    store.trigger.jobChanged({ job: job(1), at: 0 });
    expect(context().entries['job_1']?.job.state).toBe('succeeded');
  });
});

describe('lossy bits', () => {
  test('progress is kept within bounds, and forgotten with the attempt or the end', () => {
    const { store, context } = started(job(1));
    store.trigger.progressed(progress(1, 1.7));
    expect(context().live['job_1']?.fraction).toBe(1);
    store.trigger.jobChanged({ job: job(1, { attempt: 2 }), at: 0 });
    expect(context().live).toEqual({});
    store.trigger.progressed(progress(1, 0.5));
    store.trigger.jobChanged({ job: job(1, done), at: 0 });
    store.trigger.progressed(progress(1, 0.9));
    store.trigger.progressed(progress(2, 0.9));
    expect(context().live).toEqual({});
  });

  test('text grows in order; repeats are passed over and gaps are seen', () => {
    const { store, context } = started(job(1));
    for (const frame of [text(0, 'Once '), text(1, 'upon '), text(0, 'Once '), text(3, 'time')]) {
      store.trigger.written(frame);
    }
    expect(context().live['job_1']?.text).toBe('Once upon … time');
  });

  test('a place moves the open job only', () => {
    const { store, context } = started(job(2), job(1, done));
    const eta = { min_s: 1, max_s: 2, start_min_s: 0, start_max_s: 1, reason: 'soon' };
    for (const n of [1, 2, 7]) {
      const frame = { type: 'position' as const, job_id: `job_${n}`, position: 0, eta };
      store.trigger.placed({ frame, at: 42 });
    }
    expect(context().entries['job_2']).toMatchObject({ job: { position: 0, eta }, etaAt: 42 });
    expect(context().entries['job_1']?.job.position).toBe(3);
    expect(context().entries['job_7']).toBeUndefined();
  });
});
