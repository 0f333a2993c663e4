import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Times, type Span } from './times.ts';

const SECOND = 1000;

const seeing = (
  times: Times,
  runMs: readonly number[],
  { worker = 'w1', work = 1 } = {},
): Times => {
  for (const ms of runMs) times.noteRun(worker, 'sdxl', work, ms);
  return times;
};

const steady = (count: number, runMs: number): number[] =>
  Array.from({ length: count }, (_, n) => runMs * (0.95 + 0.01 * (n % 11)));

const offered = (...workers: string[]): Times => {
  const times = new Times();
  for (const worker of workers)
    times.noteOffer(worker, [{ id: 'sdxl', runMs: 10 * SECOND, loadMs: 8 * SECOND }]);
  return times;
};

const within = (ms: number, parts: number, of: number) => {
  expect(ms).toBeGreaterThan(of * (1 - parts));
  expect(ms).toBeLessThan(of * (1 + parts));
};

const medianMs = (times: Times, worker: string | null = 'w1', work = 1) =>
  times.runMs(worker, 'sdxl', work).median;

describe('before anything was seen', () => {
  test('what the offer declares, within a factor of two', () => {
    const run = offered('w1').runMs('w1', 'sdxl', 2);
    within(run.median, 0.01, 20 * SECOND);
    within(run.low, 0.01, 10 * SECOND);
    within(run.high, 0.01, 40 * SECOND);
    within(offered('w1').loadMs('w1', 'sdxl').median, 0.01, 8 * SECOND);
  });

  test('of a model that nobody offers, a wide guess', () => {
    const { low, high } = new Times().runMs('w1', 'sdxl', 1);
    expect(high / low).toBeGreaterThan(10);
  });
});

describe('what was declared', () => {
  test('is corrected by the third run', () => {
    const times = seeing(offered('w1'), [3.1 * SECOND, 2.9 * SECOND, 3 * SECOND]);
    within(medianMs(times), 0.1, 3 * SECOND);
  });

  test('is not given up for one run that took long because all was cold', () => {
    within(medianMs(seeing(offered('w1'), [90 * SECOND])), 0.01, 10 * SECOND);
  });

  test('a load declared to take no time at all may', () => {
    const times = new Times();
    times.noteOffer('w1', [{ id: 'sdxl', runMs: 1, loadMs: 0 }]);
    expect(times.loadMs('w1', 'sdxl')).toMatchObject({ median: 0, low: 0 });
  });
});

describe('one odd run', () => {
  test.each([5, 12, 40, 64])('after %i others moves next to nothing', (count) => {
    const times = seeing(offered('w1'), steady(count, 7 * SECOND));
    const before = times.runMs('w1', 'sdxl', 1);
    seeing(times, [70 * SECOND]);
    const after = times.runMs('w1', 'sdxl', 1);
    within(after.median, 0.03, before.median);
    within(after.high, 0.25, before.high);
  });

  test('in every ten is seen in no median', () => {
    const runs = steady(60, 7 * SECOND).map((ms, n) => (n % 10 === 9 ? 10 * ms : ms));
    within(medianMs(seeing(offered('w1'), runs)), 0.05, 7 * SECOND);
  });
});

describe('a true change', () => {
  test.each([0.4, 0.7, 1.5, 3])('by a factor of %f is followed within ten runs', (factor) => {
    const times = seeing(offered('w1'), steady(64, 7 * SECOND));
    seeing(times, steady(10, factor * 7 * SECOND));
    within(medianMs(times), 0.05, factor * 7 * SECOND);
    expect(times.runMs('w1', 'sdxl', 1).low).toBeLessThan(factor * 7 * SECOND);
  });

  test('of a tenth is not waited for longer than the memory', () => {
    const times = seeing(offered('w1'), steady(64, 7 * SECOND));
    within(medianMs(seeing(times, steady(64, 7.5 * SECOND))), 0.02, 7.5 * SECOND);
  });
});

describe('what a worker has not shown yet', () => {
  test('at this size: its time at the nearest', () => {
    const times = seeing(offered('w1'), steady(20, 3 * SECOND));
    seeing(times, steady(20, 8 * 5 * SECOND), { work: 8 });
    within(medianMs(times, 'w1', 2), 0.05, 2 * 3 * SECOND);
    within(medianMs(times, 'w1', 16), 0.05, 16 * 5 * SECOND);
  });

  test('of this model: the others, by how it compares with them', () => {
    const times = offered('fast', 'middle', 'slow');
    for (const [worker, pace] of [
      ['fast', 0.5],
      ['middle', 1],
      ['slow', 2],
    ] as const)
      for (const ms of steady(20, pace * 4 * SECOND)) times.noteRun(worker, 'flux', 1, ms);
    seeing(times, steady(20, 7 * SECOND), { worker: 'middle' });
    within(medianMs(times, 'slow'), 0.05, 2 * 7 * SECOND);
    within(medianMs(times, 'fast'), 0.05, 0.5 * 7 * SECOND);
  });

  test('a load: the loads of others', () => {
    const times = offered('w1', 'w2');
    for (let n = 0; n < 3; n++) times.noteLoad('w2', 'sdxl', 30 * SECOND);
    within(times.loadMs('w1', 'sdxl').median, 0.02, 30 * SECOND);
  });

  test('is its own after a few runs, whatever the others do', () => {
    const times = seeing(offered('w1', 'w2'), steady(40, 2 * SECOND), { worker: 'w2' });
    within(medianMs(seeing(times, steady(12, 9 * SECOND))), 0.05, 9 * SECOND);
  });
});

describe('a load', () => {
  test('cold or warm is within the range, whichever it is', () => {
    const times = offered('w1');
    for (let n = 0; n < 40; n++)
      times.noteLoad('w1', 'sdxl', n % 3 === 0 ? 20 * SECOND : 10 * SECOND);
    const { low, high, median } = times.loadMs('w1', 'sdxl');
    within(median, 0.01, 10 * SECOND);
    expect([low, high].map(Math.round)).toEqual([10 * SECOND, 20 * SECOND].map(close));
  });
});

/** Logarithms are kept to a thousandth. */
const close = (ms: number) => expect.closeTo(ms, -2) as number;

describe('the pace of a worker', () => {
  test('is its time over that of the one in the middle', () => {
    const times = offered('fast', 'middle', 'slow');
    for (const [worker, pace] of [
      ['fast', 0.5],
      ['middle', 1],
      ['slow', 2],
    ] as const)
      seeing(times, steady(20, pace * 6 * SECOND), { worker });
    within(times.pace('fast', 'sdxl'), 0.05, 0.5);
    within(times.pace('slow', 'sdxl'), 0.05, 2);
    within(medianMs(times, null), 0.05, 6 * SECOND);
    within(times.longestRunMs('sdxl', 2), 0.05, 24 * SECOND);
    expect(times.longestRunMs('unheard', 1)).toBe(0);
  });

  test('is told with its loads, anew only when something has changed', () => {
    const times = seeing(offered('w1', 'w2'), steady(20, 6 * SECOND));
    seeing(times, steady(20, 24 * SECOND), { worker: 'w2' });
    const abilities = times.abilities('w2');
    within(abilities.get('sdxl')!.pace, 0.05, 2);
    within(abilities.get('sdxl')!.loadMs, 0.01, 8 * SECOND);
    expect(times.abilities('w2')).toBe(abilities);
    seeing(times, steady(10, 12 * SECOND), { worker: 'w2' });
    within(times.abilities('w2').get('sdxl')!.pace, 0.05, Math.SQRT2);
    expect(times.abilities('nobody').size).toBe(0);
  });

  test('is one where nothing was seen', () => {
    expect(offered('w1').pace('w1', 'sdxl')).toBe(1);
    expect(new Times().pace('w1', 'sdxl')).toBe(1);
  });
});

// --- whatever is noted ----------------------------------------------------------------------------

const ms = fc.oneof(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.integer({ min: 0, max: 9 }));
const work = fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1e6, noNaN: true }));
const name = (letter: string) => fc.integer({ min: 0, max: 1 }).map((n) => `${letter}${n}`);

const note = fc.oneof(
  fc.record({ kind: fc.constant('run' as const), worker: name('w'), model: name('m'), work, ms }),
  fc.record({ kind: fc.constant('load' as const), worker: name('w'), model: name('m'), ms }),
  fc.record({ kind: fc.constant('offer' as const), worker: name('w'), model: name('m'), ms }),
);

function after(notes: readonly (typeof note extends fc.Arbitrary<infer Note> ? Note : never)[]) {
  const times = new Times();
  for (const each of notes)
    if (each.kind === 'run') times.noteRun(each.worker, each.model, each.work, each.ms);
    else if (each.kind === 'load') times.noteLoad(each.worker, each.model, each.ms);
    else times.noteOffer(each.worker, [{ id: each.model, runMs: each.ms, loadMs: each.ms }]);
  return times;
}

const isRange = ({ low, median, high }: Span) =>
  low >= 0 && low <= median && median <= high && Number.isFinite(high);

describe('whatever is noted', () => {
  test('an answer is a range of times', () => {
    fc.assert(
      fc.property(fc.array(note, { maxLength: 200, size: 'max' }), work, (notes, asked) => {
        const times = after(notes);
        for (const worker of ['w0', 'w1', 'somebody', null])
          for (const model of ['m0', 'm1', 'something']) {
            expect(times.runMs(worker, model, asked)).toSatisfy(isRange);
            if (worker === null) continue;
            expect(times.loadMs(worker, model)).toSatisfy(isRange);
            expect(times.pace(worker, model)).toSatisfy((pace: number) => pace > 0);
          }
      }),
    );
  });

  test('what was stored says the same when it is read again', () => {
    fc.assert(
      fc.property(fc.array(note, { maxLength: 200, size: 'max' }), (notes) => {
        const times = after(notes.filter(({ kind }) => kind !== 'offer'));
        const text = JSON.stringify(times);
        const again = Times.from(JSON.parse(text) as ReturnType<Times['toJSON']>);
        expect(JSON.stringify(again)).toBe(text);
        for (const worker of ['w0', 'w1'])
          for (const size of [0.1, 1, 7]) {
            expect(again.runMs(worker, 'm0', size)).toEqual(times.runMs(worker, 'm0', size));
            expect(again.loadMs(worker, 'm0')).toEqual(times.loadMs(worker, 'm0'));
            expect(again.seen(worker, 'm0')).toEqual(times.seen(worker, 'm0'));
          }
      }),
    );
  });

  test('what is no time is passed over', () => {
    const times = new Times();
    for (const bad of [-1, NaN, Infinity]) {
      times.noteRun('w1', 'sdxl', 1, bad);
      times.noteRun('w1', 'sdxl', bad, 1);
      times.noteLoad('w1', 'sdxl', bad);
    }
    expect([times.notes, times.toJSON()]).toEqual([0, []]);
  });
});

describe('what is kept', () => {
  test('stays small, however much is seen', () => {
    const times = new Times();
    for (let n = 0; n < 10_000; n++) {
      times.noteRun(`w${n % 2500}`, 'sdxl', 2 ** (n % 40), n);
      if (n % 1000 === 0) times.noteLoad('now and then', 'sdxl', n);
    }
    const rows = times.toJSON();
    expect(rows.length).toBe(2_000);
    expect(rows.some(({ worker }) => worker === 'w0')).toBe(false);
    expect(times.seen('now and then', 'sdxl')).toEqual({ runs: 0, loads: 10 });
    seeing(times, steady(1000, 7 * SECOND), { worker: 'busy' });
    const [row] = times.toJSON().filter(({ worker }) => worker === 'busy');
    expect(row?.runs).toMatchObject({ 0: { seen: 1000 } });
    expect(JSON.stringify(row).length).toBeLessThan(600);
  });

  test('only what changed is told', () => {
    const times = seeing(offered('w1', 'w2'), [1, 2, 3]);
    const mark = times.notes;
    expect(times.since(0).map(({ worker }) => worker)).toEqual(['w1']);
    expect(times.since(mark)).toEqual([]);
    times.noteLoad('w2', 'sdxl', 5);
    expect(times.since(mark).map(({ worker }) => worker)).toEqual(['w2']);
  });

  test('what another learned is taken over where it saw more', () => {
    const mine = seeing(new Times(), steady(20, 7 * SECOND));
    mine.adopt(seeing(new Times(), steady(10, 90 * SECOND)).toJSON());
    within(medianMs(mine), 0.05, 7 * SECOND);
    mine.adopt(seeing(new Times(), steady(30, 3 * SECOND)).toJSON());
    within(medianMs(mine), 0.05, 3 * SECOND);
    expect(mine.seen('w1', 'sdxl')).toEqual({ runs: 30, loads: 0 });
  });
});
