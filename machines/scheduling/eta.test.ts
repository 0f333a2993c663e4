// What a person is told, and how it gets better with what came of it.
import { describe, expect, test } from 'vitest';
import { Calibration } from './calibration.ts';
import { Eta, RANGE_MIN_MS } from './eta.ts';
import { fleetWorker, NOW, queueOf, waitingJob as job } from './testing.ts';
import type { FleetWorker, WaitingJob } from './waiting.ts';

const about = (jobs: WaitingJob[], fleet: FleetWorker[]): Eta => {
  const eta = new Eta();
  eta.foretell({ queue: queueOf(jobs), fleet }, NOW);
  return eta;
};

describe('a place in the line', () => {
  test('counts only what runs on workers that could run it', () => {
    const jobs = [job('a'), job('b'), job('speech', { model: 'tts' }), job('c')];
    const eta = about(jobs, [fleetWorker('gpu'), fleetWorker('small', { tts: {} })]);
    expect(jobs.map(({ id }) => eta.of(id, NOW)?.position)).toEqual([0, 1, 0, 2]);
  });

  test('later in the line is never told to be earlier', () => {
    const jobs = Array.from({ length: 20 }, (_, n) => job(`${n}`, { queuedAt: NOW - n * 1_000 }));
    const eta = about(jobs, [fleetWorker('w')]);
    const told = jobs.map(({ id }) => eta.of(id, NOW)!);
    const sorted = told.toSorted((a, b) => a.position - b.position);
    for (const part of ['low', 'middle', 'high'] as const) {
      const waits = sorted.map(({ wait }) => wait[part]);
      expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    }
  });

  test('says how many before it are the own', () => {
    const own = { accountId: 'acc_me', runMs: 7_000 };
    const jobs = [job('1', own), job('2', own), job('3', own)];
    expect(about(jobs, [fleetWorker('w')]).of('3', NOW)).toMatchObject({ own: 2, position: 2 });
  });

  test('is unknown where nobody can run it, and for who is not in the line', () => {
    const eta = about([job('a', { model: 'wan' })], [fleetWorker('w')]);
    expect(eta.of('a', NOW)).toBeNull();
    expect(eta.of('b', NOW)).toBeNull();
    expect(eta.ifSubmitted(job('c', { model: 'wan' }), NOW)).toBeNull();
  });

  test('who comes after the forecast is told to go behind the others of that kind', () => {
    const eta = about([job('a'), job('b')], [fleetWorker('w')]);
    expect(eta.ifSubmitted(job('c'), NOW)).toMatchObject({ position: 2 });
    expect(eta.ifSubmitted(job('c'), NOW)!.turn.startAt).toBe(NOW + 14_000);
  });
});

describe('a range', () => {
  test('comes nearer as time passes', () => {
    const eta = about([job('a'), job('b')], [fleetWorker('w')]);
    const [now, later] = [eta.of('b', NOW)!, eta.of('b', NOW + 4_000)!];
    expect(later.wait.middle).toBeLessThan(now.wait.middle);
    expect(eta.of('b', NOW + 60_000)!.wait.low).toBe(0);
  });

  test('is never narrower than anybody minds', () => {
    const { low, middle, high } = about([job('a')], [fleetWorker('w')]).of('a', NOW)!.wait;
    expect(low).toBe(0);
    expect(high - middle).toBeGreaterThanOrEqual(RANGE_MIN_MS);
  });

  test('reaches further where much work comes that goes first', () => {
    const jobs = [job('a'), job('b', { queuedAt: NOW })];
    const [quiet, busy] = [about(jobs, [fleetWorker('w')]), about(jobs, [fleetWorker('w')])];
    for (let at = NOW - 600_000; at < NOW; at += 10_000)
      busy.submitted({ plan: 'pro', runMs: 6_000 }, at);
    expect(busy.of('b', NOW)!.wait.middle).toBeGreaterThan(1.3 * quiet.of('b', NOW)!.wait.middle);
  });

  test('learns from what came of what was told first', () => {
    const eta = about([job('a'), job('b', { queuedAt: NOW })], [fleetWorker('w')]);
    const first = eta.of('b', NOW)!.wait;
    for (let n = 0; n < 40; n += 1) {
      eta.of('b', NOW);
      eta.started(job('b'), NOW + 14_000);
    }
    const { low, middle, high } = eta.of('b', NOW)!.wait;
    expect(middle).toBeCloseTo(14_000, -3);
    expect(high - low).toBeLessThan(first.high - first.low);
  });

  test('a forecast is not made anew before it has paid for itself', () => {
    const many = Array.from({ length: 100 }, (_, n) => job(`${n}`));
    const eta = about(many, [fleetWorker('w')]);
    expect(eta.isFresh(NOW + 10)).toBe(true);
    expect(eta.isFresh(NOW + 1_000)).toBe(false);
  });
});

describe('calibration', () => {
  const after = (ratios: number[], times = 60): Calibration => {
    const calibration = new Calibration();
    for (let n = 0; n < times; n += 1)
      calibration.note('free', 100_000, 100_000 * ratios[n % ratios.length]!);
    return calibration;
  };
  const width = (calibration: Calibration) => {
    const { low, high } = calibration.for('free', 100_000);
    return high / low;
  };

  test('narrows when forecasts hold, widens when they do not', () => {
    const fresh = width(new Calibration());
    expect(width(after([0.95, 1, 1.05]))).toBeLessThan(fresh / 2);
    expect(width(after([0.2, 1, 5]))).toBeGreaterThan(2 * fresh);
  });

  test('moves the middle to where the truth lies', () => {
    expect(after([2]).for('free', 100_000).middle).toBeCloseTo(2, 1);
  });

  test('one odd wait moves nothing', () => {
    const calibration = after([0.9, 1, 1.1]);
    const before = calibration.for('free', 100_000);
    calibration.note('free', 100_000, 100 * 100_000);
    const { middle, high } = calibration.for('free', 100_000);
    expect([middle, high]).toEqual([before.middle, before.high]);
  });

  test('knows long waits from short ones, and plans apart', () => {
    const calibration = after([3]);
    expect(calibration.for('free', 3_000).middle).toBeLessThan(1.5);
    expect(calibration.for('pro', 100_000).middle).toBeLessThan(1.5);
  });

  test('survives a restart, and yields to what was learned since', () => {
    const kept = JSON.parse(JSON.stringify(after([2]))) as ReturnType<Calibration['toJSON']>;
    const restarted = new Calibration();
    for (const each of kept) restarted.adopt(each);
    expect(restarted.for('free', 100_000)).toEqual(after([2]).for('free', 100_000));
    const newer = after([1], 100);
    for (const each of kept) newer.adopt(each);
    expect(newer.for('free', 100_000).middle).toBeCloseTo(1, 1);
  });
});
