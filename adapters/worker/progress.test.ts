import { expect, test } from 'vitest';
import type { AgentFrameOf } from '../../machines/contract/worker-protocol.ts';
import { createManualClock } from './clock-testing.ts';
import { createProgressReporter } from './progress.ts';

function setUp() {
  const clock = createManualClock();
  const sent: AgentFrameOf<'progress'>[] = [];
  const reporter = createProgressReporter({ job: 'j1', attempt: 1 }, clock, (frame) =>
    sent.push(frame),
  );
  const report = (fraction: number, preview?: Uint8Array) =>
    reporter.report({
      type: 'progress',
      fraction,
      ...(preview !== undefined && { preview: { mediaType: 'image/jpeg', bytes: preview } }),
    });
  return { clock, sent, reporter, report };
}

test('the first goes at once, then the latest of each fifth of a second', () => {
  const { clock, sent, report } = setUp();
  for (const fraction of [0.1, 0.2, 0.3]) report(fraction);
  expect(sent.map(({ fraction }) => fraction)).toEqual([0.1]);
  clock.advance(200);
  expect(sent.map(({ fraction }) => fraction)).toEqual([0.1, 0.3]);
  clock.advance(1000);
  expect(sent).toHaveLength(2);
});

test('never goes backwards and never leaves 0 to 1', () => {
  const { clock, sent, report } = setUp();
  for (const fraction of [0.6, 0.4, Number.NaN, 7]) {
    report(fraction);
    clock.advance(200);
  }
  expect(sent.map(({ fraction }) => fraction)).toEqual([0.6, 0.6, 0.6, 1]);
});

test('a preview is sent once, and again only after a reconnect', () => {
  const { clock, sent, reporter, report } = setUp();
  report(0.1, Uint8Array.of(1, 2, 3));
  clock.advance(200);
  report(0.2);
  expect(sent.map(({ preview }) => preview)).toEqual(['data:image/jpeg;base64,AQID', undefined]);
  reporter.repeat();
  expect(sent.at(-1)?.preview).toBe('data:image/jpeg;base64,AQID');
});

test('a preview beyond the limit of the protocol is left out', () => {
  const { sent, report } = setUp();
  report(0.1, new Uint8Array(200_000));
  expect(sent).toEqual([{ type: 'progress', job: 'j1', attempt: 1, fraction: 0.1 }]);
});

test('nothing is sent after the end', () => {
  const { clock, sent, reporter, report } = setUp();
  report(0.1);
  report(0.2);
  reporter.stop();
  clock.advance(1000);
  report(0.3);
  reporter.repeat();
  expect(sent).toHaveLength(1);
});
