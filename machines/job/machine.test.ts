// The job's chart against SPEC.md: the main path and the endings. Names in brackets (I3) are its numbers.
import { describe, expect, it } from 'vitest';
import { quotaRef, workerRef } from '../contract/ids.ts';
import { begin, effectsOf, take, takeAll, timerEvent, toldBy } from '../testing.ts';
import { runOrder } from '../worker/testing.ts';
import { jobMachine } from './machine.ts';
import {
  after,
  at,
  ended,
  EVENTS,
  executing,
  key,
  loading,
  output,
  reach,
  run,
  spec,
  stateOf,
  UNDER_WAY,
  WAYS,
  type JobState,
} from './testing.ts';

describe('submit and hold', () => {
  it('asks the account once for the whole price', () => {
    const { said } = after(EVENTS['job.submitRequested']);
    expect(said).toEqual([
      ['arm', timerEvent(jobMachine, 'deadline'), spec.deadlineMs],
      [
        'actor.tell',
        {
          to: quotaRef('acc_1'),
          event: {
            type: 'hold.requested',
            job: 'job_1',
            amountMt: 1000,
            reason: 'Held for an image',
          },
        },
      ],
    ]);
  });

  it('refuses what no worker can do, without a hold', () => {
    const impossible = { ...EVENTS['job.submitRequested'], impossible: 'No worker offers video.' };
    const { snapshot, said } = after(impossible);
    expect(snapshot.value).toBe('refused');
    expect(toldBy(said)).toEqual([]);
    expect(effectsOf(said, 'caller.refuse')).toEqual([
      { code: 'impossible', detail: 'No worker offers video.' },
    ]);
  });

  it('passes the account’s refusal on to the caller', () => {
    const { said } = after(EVENTS['job.submitRequested'], EVENTS['hold.refused']);
    expect(effectsOf(said, 'caller.refuse')).toEqual([EVENTS['hold.refused'].refusal]);
  });

  it('waits in the tier of the plan that granted the hold', () => {
    expect(run(...WAYS.queued)).toMatchObject({ plan: 'pro', submittedAt: 1000 });
  });
});

describe('the main path', () => {
  it('claims the slot with the lease it takes (I2)', () => {
    const { snapshot, said } = take(jobMachine, reach('queued'), EVENTS['job.dispatched']);
    expect(snapshot.context.run.lease).toEqual({ ...key, acknowledged: false });
    expect(said).toEqual([
      [
        'actor.tell',
        {
          to: workerRef('w1'),
          event: {
            type: 'slot.claimed',
            accountId: 'acc_1',
            epoch: 'e1',
            order: runOrder('job_1'),
          },
        },
      ],
      ['arm', timerEvent(jobMachine, 'attemptTimeout'), spec.timeLimitMs + 300_000],
      ['arm', timerEvent(jobMachine, 'acknowledgeTimeout'), 10_000],
    ]);
  });

  it('says which call it shares, and may take as long as all that are in it (T3)', () => {
    const batch = { id: 'b1', size: 3 };
    const step = take(jobMachine, reach('queued'), { ...EVENTS['job.dispatched'], batch });
    const order = { ...runOrder('job_1'), batch, timeLimitMs: 3 * spec.timeLimitMs };
    expect(effectsOf(step.said, 'actor.tell')).toMatchObject([{ event: { order } }]);
    const limit = timerEvent(jobMachine, 'attemptTimeout');
    expect(step.said).toContainEqual(['arm', limit, 3 * spec.timeLimitMs + 300_000]);
    const back = takeAll(jobMachine, step.snapshot, [
      EVENTS['slot.returned'],
      EVENTS['job.dispatched'],
    ]);
    expect(back.snapshot.context.run.batch).toBeNull();
    expect(back.said).toContainEqual(['arm', limit, spec.timeLimitMs + 300_000]);
  });

  it('notes when an attempt starts; its time limit runs since it was given away', () => {
    const { snapshot, said } = take(jobMachine, reach(loading), at(EVENTS['run.started'], 5000));
    expect(said).toEqual([['disarm', timerEvent(jobMachine, 'acknowledgeTimeout')]]);
    expect(snapshot.context.run).toMatchObject({
      startedAt: 5000,
      lease: { acknowledged: true },
    });
  });

  it('keeps the outputs, asks for the charge and ends, all in one turn (I1)', () => {
    const { snapshot, said } = take(jobMachine, reach(executing), at(EVENTS['run.finished'], 9000));
    expect([snapshot.value, snapshot.status]).toEqual(['succeeded', 'done']);
    expect(snapshot.context.run).toMatchObject({
      outputs: [output],
      runMs: 7000,
      lease: null,
      chargedMt: 1000,
      finishedAt: 9000,
    });
    expect(effectsOf(said, 'actor.tell')).toEqual([
      {
        to: quotaRef('acc_1'),
        event: {
          type: 'hold.captureRequested',
          job: 'job_1',
          amountMt: 1000,
          reason: 'Charged for an image',
        },
      },
    ]);
    expect(said).toContainEqual(['disarm', timerEvent(jobMachine, 'deadline')]);
  });

  it('ends refused where nobody may see the result: nothing is charged, and it is kept', () => {
    const { snapshot, said } = after(...WAYS.refused);
    expect(stateOf(snapshot)).toBe('refused');
    expect(snapshot.context.run).toMatchObject({
      ...{ chargedMt: 0, ending: 'refused', outputs: [output], lease: null },
      failure: { code: 'contentRefused', message: 'Not here.' },
    });
    expect(toldBy(said).at(-1)).toBe('hold.releaseRequested');
    const other = { ...EVENTS['run.finished'], worker: 'w2', refused: 'Not here.' };
    expect(stateOf(after(...WAYS[executing], other).snapshot)).toBe(executing);
  });

  it('takes a result whose start was never heard of', () => {
    expect(stateOf(after(...WAYS[loading], EVENTS['run.finished']).snapshot)).toBe('succeeded');
  });

  it('forgets an earlier failure once it has succeeded', () => {
    const again = { attempt: 2, worker: 'w2', epoch: 'e2' };
    const end = run(
      ...WAYS.backingOff,
      EVENTS.backoff,
      at({ type: 'job.dispatched', worker: 'w2', epoch: 'e2' }),
      { ...EVENTS['run.finished'], ...again },
    );
    expect(end).toMatchObject({ failure: null, attempt: 2, chargedMt: 1000 });
  });
});

describe('a place in the line (E15)', () => {
  const move = (to: string, time = 1000) => at({ type: 'job.moveRequested', to }, time);

  it('is where an operator put it, until that is taken back', () => {
    expect(run(...WAYS.queued).place).toBeNull();
    expect(run(...WAYS.queued, move('front')).place).toEqual({ to: 'front', at: 1000 });
    expect(run(...WAYS.queued, move('front'), move('own')).place).toBeNull();
    expect(run(...WAYS.queued, move('back'), move('back', 2000)).place).toMatchObject({ at: 2000 });
  });

  it('is kept through an attempt that fails, and means nothing to a job that runs', () => {
    const again = [...WAYS.queued, move('front'), EVENTS['job.dispatched'], EVENTS['run.failed']];
    expect(run(...again).place).toMatchObject({ to: 'front' });
    expect(take(jobMachine, reach(executing), move('front')).isIgnored).toBe(true);
  });

  it('asked for twice is one turn', () => {
    const { snapshot } = after(...WAYS.queued, move('front'));
    expect(take(jobMachine, snapshot, move('front', 2000)).isIgnored).toBe(true);
    expect(take(jobMachine, reach('queued'), move('own')).isIgnored).toBe(true);
  });
});

const late = 'Returned: the job did not finish in time';
describe.each([
  [
    ...['cancel', EVENTS['job.cancelRequested'], 'cancelled'],
    {
      waiting: 'Returned: you cancelled the job before it ran',
      running: 'Returned: you cancelled the job after 3 s',
    },
  ],
  ['the deadline', EVENTS.deadline, 'expired', { waiting: late, running: late }],
] as const)('%s (I8)', (_, event, ending, reasons) => {
  it.each(UNDER_WAY as JobState[])('ends %s with one release of the whole hold', (state) => {
    const { snapshot, said } = take(jobMachine, reach(state), at(event, 4000));
    expect([snapshot.value, snapshot.status]).toEqual([ending, 'done']);
    expect(snapshot.context.run).toMatchObject({
      ending,
      lease: null,
      adoptable: null,
      chargedMt: 0,
      finishedAt: 4000,
    });
    const tells = effectsOf(said, 'actor.tell');
    const closing =
      state === executing
        ? { reason: reasons.running, isStopped: true }
        : { reason: reasons.waiting };
    expect(tells.filter(({ to }) => to.kind === 'quota')).toEqual([
      { to: quotaRef('acc_1'), event: { type: 'hold.releaseRequested', job: 'job_1', ...closing } },
    ]);
    expect(tells.filter(({ to }) => to.kind === 'worker').map((tell) => tell.event)).toEqual(
      state.startsWith('assigned.')
        ? [{ type: 'slot.cancelRequested', job: 'job_1', attempt: 1 }]
        : [],
    );
  });

  it('comes too late for what has ended (I1)', () => {
    for (const state of ended)
      expect([state, take(jobMachine, reach(state), event).isIgnored]).toEqual([state, true]);
  });
});

describe('what is charged (I1)', () => {
  const toldAccount = (...events: readonly object[]) =>
    effectsOf(after(...events).said, 'actor.tell')
      .filter(({ to }) => to.kind === 'quota')
      .map(({ event }) => event)
      .slice(1);

  it('is what was delivered, and the rest goes back with it', () => {
    const four = { ...spec, count: 4, costMt: 4000 };
    const { snapshot } = takeAll(jobMachine, begin(jobMachine, four).snapshot, WAYS.succeeded);
    expect(snapshot.context.run.chargedMt).toBe(1000);
  });

  it('is the run beyond the grace, for the person who cancels it', () => {
    const cancel = at(EVENTS['job.cancelRequested'], 8500);
    expect(run(...WAYS[executing], cancel)).toMatchObject({ ending: 'cancelled', chargedMt: 250 });
    expect(toldAccount(...WAYS[executing], cancel)).toEqual([
      {
        type: 'hold.captureRequested',
        job: 'job_1',
        amountMt: 250,
        reason:
          'Charged for 7.5 s of a job that you cancelled, the first 5 s free; 0.75 tokens returned',
        isStopped: true,
      },
    ]);
  });

  it('is nothing for what Tessera cancels, and for a run that came to nothing before', () => {
    const late = { ...EVENTS['job.cancelRequested'], at: 90_000 };
    const own = toldAccount(...WAYS[executing], { ...late, by: 'system' });
    const waiting = toldAccount(...WAYS.backingOff, late);
    const cutOff = toldAccount(...WAYS[executing], EVENTS['worker.lost'], late);
    for (const told of [own, waiting, cutOff])
      expect(told).toEqual([
        { type: 'hold.releaseRequested', job: 'job_1', reason: expect.any(String) as string },
      ]);
  });
});

it('is born anew each time: two jobs share nothing (I25)', () => {
  const [one, other] = [begin(jobMachine, spec), begin(jobMachine, spec)];
  expect(one.snapshot.context.run).not.toBe(other.snapshot.context.run);
  expect(one.snapshot.context.run.failedOn).not.toBe(other.snapshot.context.run.failedOn);
});
