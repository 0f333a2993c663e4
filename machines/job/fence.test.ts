// The job's chart against SPEC.md: whose reports count, and which attempt may come back. Names in brackets
// (I3) are its numbers.
import { describe, expect, it } from 'vitest';
import { workerRef } from '../contract/ids.ts';
import { effectsOf, take, takeAll, toldBy } from '../testing.ts';
import { jobMachine } from './machine.ts';
import {
  after,
  at,
  EVENTS,
  executing,
  key,
  reach,
  stateOf,
  WAYS,
  type JobState,
} from './testing.ts';

describe('the fence (I3)', () => {
  const REPORTS = Object.values(EVENTS).filter((event) => 'epoch' in event && 'attempt' in event);
  const STRANGE = {
    'an older attempt': { attempt: 0 },
    'a later attempt': { attempt: 2 },
    'another worker': { worker: 'w2' },
    'another boot': { epoch: 'e0' },
  };
  const LASTING = Object.keys(WAYS) as JobState[];
  const types = REPORTS.map((event) => event.type);

  it('is tried with every report there is', () => {
    const sent = Object.keys(EVENTS).filter((type) => /^(run|slot|worker)\./.test(type));
    expect(types.sort()).toEqual(sent.sort());
  });

  describe.each(Object.entries(STRANGE))('a report of %s', (_, strange) => {
    it.each(LASTING)('changes nothing in %s', (state) => {
      for (const report of REPORTS) {
        const step = take(jobMachine, reach(state), { ...report, ...strange });
        if (report.type === 'run.adoptionOffered') {
          expect(step.snapshot.context).toEqual(reach(state).context);
          expect(toldBy(step.said)).toEqual(['slot.cancelRequested']);
        } else expect([report.type, step.isIgnored]).toEqual([report.type, true]);
      }
    });
  });

  it('lets no result of the first attempt into the second', () => {
    const second = after(...WAYS.backingOff, EVENTS.backoff, EVENTS['job.dispatched']).snapshot;
    expect(second.context.run.lease).toMatchObject({ attempt: 2, worker: 'w1', epoch: 'e1' });
    for (const report of REPORTS) {
      if (report.type === 'run.adoptionOffered') continue;
      expect(take(jobMachine, second, report).isIgnored).toBe(true);
    }
  });

  it('hears a start once: repeated, it does not push the time limit out', () => {
    expect(take(jobMachine, reach(executing), EVENTS['run.started']).isIgnored).toBe(true);
  });
});

describe('adoption (I4)', () => {
  const lost = [...WAYS[executing], EVENTS['worker.lost']];

  it('takes the same attempt back while the job waits', () => {
    const { snapshot, said } = take(
      jobMachine,
      after(...lost).snapshot,
      EVENTS['run.adoptionOffered'],
    );
    expect(stateOf(snapshot)).toBe(executing);
    expect(snapshot.context.run).toMatchObject({
      attempt: 1,
      adoptable: null,
      cutOff: [],
      lease: { ...key, acknowledged: true },
    });
    expect(effectsOf(said, 'actor.tell')).toEqual([
      { to: workerRef('w1'), event: { type: 'slot.adopted', job: 'job_1', attempt: 1 } },
    ]);
    expect(stateOf(takeAll(jobMachine, snapshot, [EVENTS['run.finished']]).snapshot)).toBe(
      'succeeded',
    );
  });

  it('keeps what it has when it is offered again', () => {
    const step = take(jobMachine, reach(executing), EVENTS['run.adoptionOffered']);
    expect(step.snapshot.context).toEqual(reach(executing).context);
    expect(toldBy(step.said)).toEqual(['slot.adopted']);
  });

  it.each([
    ['it was assigned elsewhere', [at({ type: 'job.dispatched', worker: 'w2', epoch: 'e2' })]],
    ['it backs off', [EVENTS['worker.crashed']]],
    ['it is over', [EVENTS['job.cancelRequested']]],
  ])('declines once %s', (_, events) => {
    const before = after(...lost, ...events).snapshot;
    const { snapshot, said } = take(jobMachine, before, EVENTS['run.adoptionOffered']);
    expect(snapshot.context).toEqual(before.context);
    expect(effectsOf(said, 'actor.tell')).toEqual([
      { to: workerRef('w1'), event: { type: 'slot.cancelRequested', job: 'job_1', attempt: 1 } },
    ]);
  });
});
