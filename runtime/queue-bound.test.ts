import { describe, expect, it } from 'vitest';
import type { Plan } from '../machines/contract/events.ts';
import { Backlog } from './backlog.ts';
import { isNearBound, whyFull, type Lane } from './queue-bound.ts';

const MINUTE_MS = 60_000;
const BOUNDS = { free: 10 * MINUTE_MS, starter: 20 * MINUTE_MS, pro: 40 * MINUTE_MS };

const lane = (models: string[], change: Partial<Lane> = {}): Lane => ({
  models: new Map(models.map((id) => [id, {}])),
  slots: 1,
  isHere: true,
  ...change,
});

/** One job of each minutes, of another person each. */
function waiting(...lines: [plan: Plan, model: string, minutes: number, accountId?: string][]) {
  const backlog = new Backlog();
  for (const [n, [plan, model, minutes, accountId = `acc_${n}`]] of lines.entries())
    backlog.add({ accountId, model, plan, runMs: minutes * MINUTE_MS });
  return backlog;
}

const newcomer = (minutes = 1, model = 'sdxl', plan: Plan = 'free') => ({
  ...{ accountId: 'acc_new', model, plan, runMs: minutes * MINUTE_MS },
});

describe('the line of a tier', () => {
  it('takes one more as long as all of it fits', () => {
    const lanes = [lane(['sdxl'])];
    expect(whyFull(newcomer(1), waiting(['free', 'sdxl', 9]), lanes, BOUNDS)).toBeNull();
    expect(whyFull(newcomer(2), waiting(['free', 'sdxl', 9]), lanes, BOUNDS)).toEqual({
      by: 'tier',
      waitingMs: 9 * MINUTE_MS,
      boundMs: BOUNDS.free,
      retryAfterMs: MINUTE_MS,
    });
  });

  it('takes a job of any size where nothing waits', () => {
    expect(whyFull(newcomer(100), new Backlog(), [lane(['sdxl'])], BOUNDS)).toBeNull();
  });

  it('counts other models of the same workers, and no other tier', () => {
    const lanes = [lane(['sdxl', 'flux'])];
    const flux = waiting(['free', 'flux', 10], ['starter', 'flux', 3]);
    expect(whyFull(newcomer(), flux, lanes, BOUNDS)).toMatchObject({
      waitingMs: 10 * MINUTE_MS,
      // The starter's go first.
      retryAfterMs: 4 * MINUTE_MS,
    });
    expect(whyFull(newcomer(1, 'sdxl', 'starter'), flux, lanes, BOUNDS)).toBeNull();
  });

  it('does not count what other workers do', () => {
    const lanes = [lane(['sdxl']), lane(['flux'])];
    expect(whyFull(newcomer(), waiting(['free', 'flux', 60]), lanes, BOUNDS)).toBeNull();
  });

  it('is shared out among the workers that could do it, and the shortest counts', () => {
    const busy = waiting(['free', 'sdxl', 15], ['free', 'flux', 9]);
    const lanes = [lane(['sdxl']), lane(['sdxl', 'flux'])];
    expect(whyFull(newcomer(), busy, lanes, BOUNDS)).toBeNull();
    expect(whyFull(newcomer(1, 'flux'), busy, lanes, BOUNDS)).toMatchObject({
      waitingMs: 16.5 * MINUTE_MS,
    });
    const four = [lane(['sdxl'], { slots: 4 })];
    expect(whyFull(newcomer(), waiting(['free', 'sdxl', 36]), four, BOUNDS)).toBeNull();
  });

  it('goes by those that are here, and by those that are away only where nobody is', () => {
    const [away, other] = [1, 2].map(() => lane(['sdxl'], { isHere: false })) as [Lane, Lane];
    const busy = waiting(['free', 'sdxl', 12]);
    expect(whyFull(newcomer(), busy, [lane(['sdxl']), away], BOUNDS)).not.toBeNull();
    expect(whyFull(newcomer(), busy, [away, other], BOUNDS)).toBeNull();
    expect(whyFull(newcomer(), busy, [away], BOUNDS)).not.toBeNull();
  });
});

describe('one person', () => {
  it('gets half of the line, and leaves the rest to others', () => {
    const own = waiting(['free', 'sdxl', 5, 'acc_new']);
    const lanes = [lane(['sdxl'])];
    expect(whyFull(newcomer(), own, lanes, BOUNDS)).toMatchObject({
      by: 'person',
      boundMs: BOUNDS.free / 2,
    });
    expect(whyFull({ ...newcomer(), accountId: 'acc_other' }, own, lanes, BOUNDS)).toBeNull();
  });
});

describe('the sums', () => {
  it('are exact again when the jobs are gone', () => {
    const backlog = new Backlog();
    const jobs = [0.1, 0.2, 0.3].map((runMs) => ({
      ...{ accountId: 'a', model: 'sdxl', plan: 'free' as const, runMs },
    }));
    for (const job of jobs) backlog.add(job);
    expect(backlog.ofPlan('free')).toBeCloseTo(0.6);
    expect(backlog.ofPerson('a')).toBeCloseTo(0.6);
    for (const job of jobs) backlog.remove(job);
    expect([...backlog.models.free.names]).toEqual([]);
    expect([backlog.ofPlan('free'), backlog.ofPerson('a')]).toEqual([0, 0]);
  });

  it('say cheaply when no line can be full', () => {
    expect(isNearBound(waiting(['free', 'sdxl', 4]), MINUTE_MS, BOUNDS)).toBe(false);
    expect(isNearBound(waiting(['free', 'sdxl', 5]), MINUTE_MS, BOUNDS)).toBe(true);
    expect(isNearBound(waiting(['pro', 'sdxl', 5]), MINUTE_MS, BOUNDS)).toBe(false);
  });
});
