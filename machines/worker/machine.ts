// One GPU worker: its connection, the model in memory, its slots, its health. SPEC.md numbers its
// states and promises; what is decided in them is in decisions.ts and reconcile.ts.
//
//   offline > connecting > idle <> swapping <> executing      draining   unhealthy   quarantined
import { and, assign, setup, type SnapshotFrom } from 'xstate';
import type { Stamped, WorkerEvent } from '../contract/events.ts';
import { jobRef } from '../contract/ids.ts';
import { effects } from '../effect.ts';
import * as worker from './context.ts';
import type { Args, WorkerContext } from './context.ts';
import * as decisions from './decisions.ts';
import type { Decision } from './decisions.ts';
import { loseAll, reconcile } from './reconcile.ts';

/** Kept by heartbeats: a silent agent frees its jobs within 35 s, a dead socket within 5 s. */
const LEASE_MS = 35_000;
const SOCKET_GRACE_MS = 5_000;
/** Engine failures in a row that open the circuit breaker. */
const FAILURES_IN_ROW_MAX = 3;
const BREAK_BASE_MS = 15_000;
const BREAK_MAX_MS = 600_000;

type Kept = Pick<Decision, 'run' | 'offer'>;

const base = setup({
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-assertion -- XState's way to say it
  types: {} as {
    context: WorkerContext;
    events: Stamped<WorkerEvent>;
    input: { id: string };
    tags: 'online' | 'available' | 'busy';
  },
  actions: {
    ...effects,
    keep: assign(({ context }, { offer = context.offer, run }: Kept) => ({
      offer,
      run: { ...context.run, ...run },
    })),
  },
});

/** The effects of a decision, in the order in which they must happen. */
const decide = (by: (args: Args) => Decision) =>
  base.enqueueActions(({ context, event, enqueue }) => {
    const { offer, run, orders = [], tells = [], settle = [] } = by({ context, event });
    // A decision to change nothing must leave the snapshot as it is: then there is no turn either.
    if (run) enqueue({ type: 'keep', params: offer ? { offer, run } : { run } });
    for (const params of orders) enqueue({ type: 'worker.order', params });
    for (const tell of tells) {
      const to = jobRef(tell.accountId, tell.job);
      enqueue({ type: 'actor.tell', params: { to, event: tell.event } });
    }
    for (const params of settle) enqueue({ type: 'worker.settle', params });
  });

export const workerMachine = base
  .extend({
    guards: {
      canClaim: worker.canClaim,
      isCurrentBoot: worker.isCurrentBoot,
      isBusy: worker.isBusy,
      isLoading: worker.isLoading,
      hasLoaded: (args) => !worker.isLoading(args),
      hasNothingToDo: (args) => !worker.isLoading(args) && !worker.isBusy(args),
      isConnected: worker.isConnected,
      isSameBoot: worker.isSameBoot,
      isNewest: worker.isNewest,
      offersModel: worker.offersModel,
      failsTooOften: ({ context }) => context.run.failuresInRow >= FAILURES_IN_ROW_MAX,
    },
    delays: {
      break: ({ context }) => Math.min(BREAK_BASE_MS * 2 ** (context.run.breaks - 1), BREAK_MAX_MS),
    },
    actions: {
      claim: decide(decisions.claim),
      refuseClaim: decide(decisions.refuseClaim),
      cancelSlot: decide(decisions.cancelSlot),
      dropBounced: decide(decisions.dropBounced),
      report: decide(decisions.report),
      noteLoaded: decide(decisions.noteLoaded),
      noteLoadFailed: decide(decisions.noteLoadFailed),
      noteUnloaded: decide(decisions.noteUnloaded),
      pin: decide(decisions.pin),
      unpin: decide(decisions.unpin),
      fetchPinned: decide(decisions.fetchPinned),
      noteDisconnected: decide(decisions.noteDisconnected),
      noteBreak: decide(({ context: { run } }) => ({
        run: { breaks: run.breaks + 1, failuresInRow: 0 },
      })),
      orderDrain: decide(() => ({ orders: [{ order: { type: 'drain' }, accountId: null }] })),
      reconcile: decide(reconcile),
      loseAll: decide(loseAll),
      keepLease: base.enqueueActions(({ enqueue }) => {
        enqueue.cancel('lease');
        enqueue.raise({ type: 'lease.expired', at: 0 }, { id: 'lease', delay: LEASE_MS });
      }),
      shortenLease: base.enqueueActions(({ enqueue }) => {
        enqueue.cancel('lease');
        enqueue.raise({ type: 'lease.expired', at: 0 }, { id: 'lease', delay: SOCKET_GRACE_MS });
      }),
    },
  })
  .createMachine({
    id: 'worker',
    context: worker.freshContext,
    initial: 'offline',
    on: {
      'worker.connected': {
        guard: 'isNewest',
        target: '.connecting',
        actions: ['reconcile', 'keepLease'],
      },
      'worker.heartbeat': { guard: 'isCurrentBoot', actions: 'keepLease' },
      'worker.disconnected': {
        guard: 'isCurrentBoot',
        actions: ['noteDisconnected', 'shortenLease'],
      },
      'lease.expired': { target: '.offline', actions: 'loseAll' },
      'worker.drainRequested': '.draining',
      'worker.quarantineRequested': '.quarantined',
      'slot.claimed': { actions: 'refuseClaim' },
      'slot.cancelRequested': { actions: 'cancelSlot' },
      'tell.bounced': { actions: 'dropBounced' },
      'model.pinRequested': { guard: 'offersModel', actions: 'pin' },
      'model.unpinRequested': { actions: 'unpin' },
      'model.loaded': { guard: 'isCurrentBoot', actions: 'noteLoaded' },
      'model.loadFailed': { guard: 'isCurrentBoot', actions: 'noteLoadFailed' },
      'model.unloaded': { guard: 'isCurrentBoot', actions: 'noteUnloaded' },
      'run.finished': { guard: 'isCurrentBoot', actions: 'report' },
      'run.failed': { guard: 'isCurrentBoot', actions: 'report' },
      'run.cancelled': { guard: 'isCurrentBoot', actions: 'report' },
    },
    states: {
      offline: {
        description: 'No connection, or a lease that ran out. Its jobs are free.',
        on: { 'lease.expired': {} },
      },
      connecting: {
        description: 'The agent said hello; both sides are reconciled within this turn.',
        tags: 'online',
        always: { target: 'idle', actions: 'fetchPinned' },
      },
      idle: {
        description: 'Online with nothing to do.',
        tags: ['online', 'available'],
        on: {
          'slot.claimed': [{ guard: 'canClaim', actions: 'claim' }, { actions: 'refuseClaim' }],
          'model.pinRequested': { guard: 'offersModel', actions: ['pin', 'fetchPinned'] },
        },
        always: [
          { guard: 'failsTooOften', target: 'unhealthy' },
          { guard: 'isLoading', target: 'swapping' },
          { guard: 'isBusy', target: 'executing' },
        ],
      },
      swapping: {
        description: 'A model is being loaded; its agent unloads what has to make room.',
        tags: ['online', 'available', 'busy'],
        on: {
          'slot.claimed': [{ guard: 'canClaim', actions: 'claim' }, { actions: 'refuseClaim' }],
        },
        always: [
          { guard: 'failsTooOften', target: 'unhealthy' },
          { guard: 'hasNothingToDo', target: 'idle' },
          { guard: 'hasLoaded', target: 'executing' },
        ],
      },
      executing: {
        description: 'At least one slot is busy.',
        tags: ['online', 'available', 'busy'],
        on: {
          'slot.claimed': [{ guard: 'canClaim', actions: 'claim' }, { actions: 'refuseClaim' }],
        },
        always: [
          { guard: 'failsTooOften', target: 'unhealthy' },
          { guard: 'isLoading', target: 'swapping' },
          { guard: 'hasNothingToDo', target: 'idle' },
        ],
      },
      draining: {
        // Not `online`: an operator's wish outlives the connection, and there may be none.
        description: 'Finishes what it has and takes nothing new, until it is told to resume.',
        entry: 'orderDrain',
        on: {
          'worker.resumeRequested': [
            { guard: 'isConnected', target: 'idle' },
            { target: 'offline', actions: 'loseAll' },
          ],
          'worker.drainRequested': {},
          'worker.connected': {
            guard: 'isNewest',
            actions: ['reconcile', 'keepLease', 'orderDrain'],
          },
          'lease.expired': { actions: 'loseAll' },
        },
      },
      unhealthy: {
        description:
          'Its engine failed several times in a row. It rests, then gets another chance.',
        tags: 'online',
        entry: 'noteBreak',
        after: { break: 'idle' },
        on: {
          'worker.resumeRequested': 'idle',
          // A blip is no cure; a new boot may be one.
          'worker.connected': {
            guard: and(['isSameBoot', 'isNewest']),
            actions: ['reconcile', 'keepLease'],
          },
        },
      },
      quarantined: {
        description: 'Taken out of service by an operator. Only an operator brings it back.',
        on: {
          'worker.resumeRequested': [
            { guard: 'isConnected', target: 'idle' },
            { target: 'offline', actions: 'loseAll' },
          ],
          'worker.quarantineRequested': {},
          'worker.drainRequested': {},
          'worker.connected': { guard: 'isNewest', actions: ['reconcile', 'keepLease'] },
          'lease.expired': { actions: 'loseAll' },
        },
      },
    },
  });

export type WorkerSnapshot = SnapshotFrom<typeof workerMachine>;
