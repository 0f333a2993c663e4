import { expect, test } from 'vitest';
import { plan } from './plan.ts';

const raise = (id: string, delay: number) => ({
  type: 'xstate.raise',
  params: { event: { type: `${id}.fired` }, id, delay },
});
const cancel = (sendId: string) => ({ type: 'xstate.cancel', params: { sendId } });

test('a delayed raise arms a timer whose arming id is the revision of the turn', () => {
  const planned = plan([raise('deadline', 1000.4)], {}, 7);
  expect(planned.timers).toEqual({ deadline: [7, 'deadline.fired'] });
  expect(planned.armed).toEqual([{ name: 'deadline', delayMs: 1001 }]);
});

test('leaving a state cancels its timer', () => {
  const planned = plan([cancel('deadline')], { deadline: [3, 'deadline.fired'] }, 7);
  expect(planned.timers).toEqual({});
  expect(planned.cancelled).toEqual(['deadline']);
});

test('re-armed in one turn: the last arming counts', () => {
  const planned = plan([cancel('a'), raise('a', 10), raise('a', 20)], { a: [3, 'a.fired'] }, 7);
  expect(planned.armed).toEqual([{ name: 'a', delayMs: 20 }]);
  expect(planned.timers).toEqual({ a: [7, 'a.fired'] });
});

test('armed and left within one turn: nothing stays', () => {
  const planned = plan([raise('a', 10), cancel('a')], {}, 7);
  expect(planned.armed).toEqual([]);
  expect(planned.timers).toEqual({});
});

test('cancelling what was never armed does nothing', () => {
  expect(plan([cancel('a')], {}, 7).cancelled).toEqual([]);
});

test('an action that nobody planned for is a programmer error', () => {
  expect(() => plan([{ type: 'mail.send' }], {}, 1)).toThrow('mail.send');
});
