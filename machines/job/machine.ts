// The life of one job, from the request to its one ending. SPEC.md numbers its states and promises.
//
//  screening > holding > queued > assigned.loadingModel > assigned.executing > storing > succeeded
//                          ^  \___________|______________________|
//                          |              v                      v
//                          +-------- backingOff              releasing > failed | cancelled | expired | refused
//
// `storing` and `releasing` are passed through: whatever ends a job settles its hold in the same turn.
import { and, assign, enqueueActions, or, setup, stateIn, type SnapshotFrom } from 'xstate';
import type { JobSpec } from '../contract/events.ts';
import { effects } from '../effect.ts';
import * as attempts from './attempts.ts';
import * as job from './context.ts';
import type { Args, Event, JobContext, JobRun } from './context.ts';
import * as tells from './tells.ts';

/** A dispatch that no agent acknowledged within this comes back without costing an attempt. */
const ACKNOWLEDGE_TIMEOUT_MS = 10_000;
/** For loading and sending. The agent enforces the time limit itself; this is for one that hangs. */
const ATTEMPT_MARGIN_MS = 300_000;
const BACKOFF_BASE_MS = 1_000;

const change = (of: (args: Args) => Partial<JobRun>) =>
  assign<JobContext, Event, undefined, Event, never>(({ context, event }) => ({
    run: { ...context.run, ...of({ context, event }) },
  }));

export const jobMachine = setup({
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-assertion -- XState's way to say it
  types: {} as {
    context: JobContext;
    events: Event;
    input: JobSpec;
    tags: 'waiting' | 'running' | 'settled' | 'cancellable' | 'occupiesWorker';
  },
  guards: {
    isFeasible: ({ event }) => event.type === 'job.submitRequested' && event.impossible === null,
    isFromLease: attempts.isFromLease,
    isAdoptable: attempts.isAdoptable,
    isUnacknowledged: attempts.isUnacknowledged,
    isFromLeaseAndUnacknowledged: (args) =>
      attempts.isFromLease(args) && attempts.isUnacknowledged(args),
    isFromLeaseAndRefused: (args) => attempts.isFromLease(args) && job.isRefused(args),
    isFromLeaseAndMayTryAgain: (args) => attempts.isFromLease(args) && attempts.mayTryAgain(args),
    isAdoptableAndMayTryAgain: (args) => attempts.isAdoptable(args) && attempts.mayTryAgain(args),
    mayTryAgain: attempts.mayTryAgain,
    isElsewhere: job.isElsewhere,
    endsCancelled: ({ context }) => context.run.ending === 'cancelled',
    endsExpired: ({ context }) => context.run.ending === 'expired',
    endsRefused: ({ context }) => context.run.ending === 'refused',
    isCutOff: attempts.isCutOff,
    isCutOffAndPoison: (args) => attempts.isCutOff(args) && attempts.isPoison(args),
    // Before it there is no hold, after it the settlement is already asked for.
    isUnderWay: or([stateIn('queued'), stateIn('assigned'), stateIn('backingOff')]),
  },
  delays: {
    // XState also asks this of a context without input, for the throw-away actor of `transition()`.
    deadline: ({ context }) => context.spec?.deadlineMs ?? 0,
    acknowledgeTimeout: ACKNOWLEDGE_TIMEOUT_MS,
    attemptTimeout: ({ context }) => job.limitMsOf(context) + ATTEMPT_MARGIN_MS,
    backoff: ({ context }) => BACKOFF_BASE_MS * 2 ** (context.run.attempt - 2),
  },
  actions: {
    ...effects,
    noteSubmitted: change(job.noteSubmitted),
    notePlan: change(job.notePlan),
    notePlace: change(job.notePlace),
    takeLease: change(job.takeLease),
    noteAcknowledged: change(job.noteAcknowledged),
    noteStarted: change(job.noteStarted),
    adoptLease: change(job.adoptLease),
    leaveAdoptable: change(job.leaveAdoptable),
    dropLease: change(job.dropLease),
    noteTookDown: change(job.noteTookDown),
    countFailure: change(job.countFailure),
    endSucceeded: change(job.endSucceeded),
    endFailed: change(job.endFailed),
    endCancelled: change(job.endCancelled),
    endExpired: change(job.endExpired),
    endRefused: change(job.endRefused),
    cancelSlot: enqueueActions(({ context, event, enqueue }) => {
      const tell = tells.cancelSlot({ context, event });
      if (tell) enqueue({ type: 'actor.tell', params: tell });
    }),
  },
}).createMachine({
  id: 'job',
  context: job.freshContext,
  initial: 'screening',
  on: {
    'run.adoptionOffered': { actions: { type: 'actor.tell', params: tells.declineAdoption } },
    // A worker that was cut off earlier did not lose its connection but its life.
    'worker.crashed': [
      {
        guard: and(['isUnderWay', 'isCutOffAndPoison']),
        target: '.releasing',
        actions: ['cancelSlot', 'endFailed'],
      },
      { guard: and(['isUnderWay', 'isCutOff']), actions: 'noteTookDown' },
    ],
  },
  // Counts from the submit; reaching an end cancels it.
  after: {
    deadline: {
      guard: 'isUnderWay',
      target: '.releasing',
      actions: ['cancelSlot', 'endExpired'],
    },
  },
  states: {
    screening: {
      description: 'Inside the request: can any worker, connected or declared, ever do this?',
      on: {
        'job.submitRequested': [
          { guard: 'isFeasible', target: 'holding', actions: 'noteSubmitted' },
          {
            target: 'refused',
            actions: {
              type: 'caller.refuse',
              params: ({ event }) => ({ code: 'impossible', detail: event.impossible ?? '' }),
            },
          },
        ],
      },
    },
    holding: {
      description: 'The upper bound of the price is set aside, in the same commit as the request.',
      entry: { type: 'actor.tell', params: tells.askHold },
      on: {
        'hold.granted': { target: 'queued', actions: 'notePlan' },
        'hold.refused': {
          target: 'refused',
          actions: { type: 'caller.refuse', params: ({ event }) => event.refusal },
        },
      },
    },
    queued: {
      description: 'Waiting for the dispatcher to give it a worker.',
      tags: ['waiting', 'cancellable'],
      on: {
        'job.dispatched': {
          target: 'assigned',
          actions: ['takeLease', { type: 'actor.tell', params: tells.claimSlot }],
        },
        'job.cancelRequested': { target: 'releasing', actions: 'endCancelled' },
        'job.moveRequested': { guard: 'isElsewhere', actions: 'notePlace' },
        'run.adoptionOffered': {
          guard: 'isAdoptable',
          target: 'assigned.executing',
          actions: ['adoptLease', { type: 'actor.tell', params: tells.keepSlot }],
        },
        // The cut-off worker came back as a new boot: the attempt is gone, and this job may be why.
        'worker.crashed': [
          { guard: 'isAdoptableAndMayTryAgain', target: 'backingOff', actions: 'countFailure' },
          { guard: 'isAdoptable', target: 'releasing', actions: 'endFailed' },
        ],
      },
    },
    assigned: {
      description: 'One worker holds the lease. Only (job, attempt, worker, epoch) may report.',
      tags: ['running', 'cancellable', 'occupiesWorker'],
      initial: 'loadingModel',
      after: {
        attemptTimeout: [
          { guard: 'mayTryAgain', target: 'backingOff', actions: ['cancelSlot', 'countFailure'] },
          { target: 'releasing', actions: ['cancelSlot', 'endFailed'] },
        ],
      },
      on: {
        'run.acknowledged': { guard: 'isFromLeaseAndUnacknowledged', actions: 'noteAcknowledged' },
        // Offered again what it has: it is not to be cancelled for that.
        'run.adoptionOffered': {
          guard: 'isFromLease',
          actions: { type: 'actor.tell', params: tells.keepSlot },
        },
        'run.finished': [
          { guard: 'isFromLeaseAndRefused', target: 'releasing', actions: 'endRefused' },
          { guard: 'isFromLease', target: 'storing', actions: 'endSucceeded' },
        ],
        'run.failed': [
          { guard: 'isFromLeaseAndMayTryAgain', target: 'backingOff', actions: 'countFailure' },
          { guard: 'isFromLease', target: 'releasing', actions: 'endFailed' },
        ],
        'worker.crashed': [
          { guard: 'isFromLeaseAndMayTryAgain', target: 'backingOff', actions: 'countFailure' },
          { guard: 'isFromLease', target: 'releasing', actions: 'endFailed' },
        ],
        // Lost transport costs no attempt, and neither does an order that never arrived.
        'worker.lost': { guard: 'isFromLease', target: 'queued', actions: 'leaveAdoptable' },
        'slot.refused': { guard: 'isFromLease', target: 'queued', actions: 'dropLease' },
        'slot.returned': { guard: 'isFromLease', target: 'queued', actions: 'dropLease' },
        'job.cancelRequested': { target: 'releasing', actions: ['cancelSlot', 'endCancelled'] },
      },
      states: {
        loadingModel: {
          description: 'Ordered; the worker may still be loading the model.',
          // Only here: said again while it executes, it must not push the time limit out.
          on: {
            'run.started': { guard: 'isFromLease', target: 'executing', actions: 'noteStarted' },
          },
          after: {
            acknowledgeTimeout: {
              guard: 'isUnacknowledged',
              target: '#job.queued',
              actions: ['cancelSlot', 'dropLease'],
            },
          },
        },
        executing: {
          description: 'The engine works on it.',
        },
      },
    },
    backingOff: {
      description: 'An attempt failed. Waiting out the delay; the worker is free for others.',
      tags: ['waiting', 'cancellable'],
      on: {
        'job.cancelRequested': { target: 'releasing', actions: 'endCancelled' },
        'job.moveRequested': { guard: 'isElsewhere', actions: 'notePlace' },
      },
      after: { backoff: 'queued' },
    },
    storing: {
      description: 'The results are stored; what came is charged in the same commit.',
      tags: ['running'],
      entry: { type: 'actor.tell', params: tells.askSettlement },
      always: 'succeeded',
    },
    releasing: {
      description:
        'The hold goes back, in the same commit as the ending: all of it, or but for the run that a person stopped.',
      entry: { type: 'actor.tell', params: tells.askSettlement },
      always: [
        { guard: 'endsCancelled', target: 'cancelled' },
        { guard: 'endsExpired', target: 'expired' },
        { guard: 'endsRefused', target: 'refused' },
        { target: 'failed' },
      ],
    },
    succeeded: { type: 'final', tags: 'settled' },
    failed: { type: 'final', tags: 'settled' },
    cancelled: { type: 'final', tags: 'settled' },
    expired: { type: 'final', tags: 'settled' },
    refused: { type: 'final', tags: 'settled' },
  },
});

export type JobSnapshot = SnapshotFrom<typeof jobMachine>;
