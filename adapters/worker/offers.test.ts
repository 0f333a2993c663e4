// What the runtime is told of the models.
import { expect, test } from 'vitest';
import { measurementsInMemory } from './arbiter/measurement-file.ts';
import { offerOf } from './arbiter/card-testing.ts';
import { withSample } from './arbiter/measurements.ts';
import { createManualClock } from './clock-testing.ts';
import { createOffers } from './offers.ts';

const GB = 1024 ** 3;
const MINUTE = 60_000;

function setUp() {
  const clock = createManualClock();
  const measurements = measurementsInMemory();
  const offer = offerOf('one', {
    id: 'a',
    bytes: 4 * GB,
    workBytes: 0,
    loadMs: 9_000,
    runMs: 5_000,
  });
  let renewals = 0;
  const renew = () => void (renewals += 1);
  const offers = createOffers({
    catalogue: { offers: () => [offer] },
    measurements,
    timers: clock,
    renew,
  });
  const measure = (vramBytes: number, runMs: number) => {
    measurements.change('a', (was) => ({ ...was, vramBytes, runMs: withSample(was.runMs, runMs) }));
    offers.noteMeasured();
  };
  return { clock, offers, measure, renewals: () => renewals };
}

test('an offer says what was measured; run times from the third on', () => {
  const { offers, measure } = setUp();
  measure(6 * GB, 8_000);
  expect(offers.tell()).toMatchObject([{ vramBytes: 6 * GB, loadMs: 9_000, runMs: 5_000 }]);
  measure(6 * GB, 8_000);
  measure(6 * GB, 8_000);
  expect(offers.tell()).toMatchObject([{ runMs: 8_000 }]);
});

test('a large difference is told, but not before ten minutes have passed', () => {
  const { clock, offers, measure, renewals } = setUp();
  offers.tell();
  clock.advance(3 * MINUTE);
  measure(8 * GB, 5_000);
  measure(9 * GB, 5_000);
  clock.advance(7 * MINUTE - 1);
  expect(renewals()).toBe(0);
  clock.advance(1);
  expect(renewals()).toBe(1);
  offers.tell();
  measure(9 * GB, 5_000);
  clock.advance(60 * MINUTE);
  expect(renewals()).toBe(1);
});

test('a small difference is not worth a connection', () => {
  const { clock, offers, measure, renewals } = setUp();
  offers.tell();
  measure(4.5 * GB, 5_500);
  clock.advance(60 * MINUTE);
  expect(renewals()).toBe(0);
});
