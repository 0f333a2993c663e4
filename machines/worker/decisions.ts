// The pure decisions of a worker's chart: which orders to give, which jobs to tell. One worker is one GPU;
// its agent carries out orders in the order they were given, and makes room for what is to be loaded.
import type { AttemptKey, AttemptName, JobEvent, WorkerOffer } from '../contract/events.ts';
import type { WorkerOrder } from '../contract/worker-protocol.ts';
import { without, withEntry } from '../records.ts';
import { isConnected, type Args, type EventOf, type Slot } from './context.ts';
import type { WorkerContext, WorkerRun } from './context.ts';

/** What one decision changes, orders and says. The chart turns it into effects, in this order. */
export interface Decision {
  readonly run?: Partial<WorkerRun>;
  readonly offer?: WorkerOffer;
  readonly orders?: readonly { readonly order: WorkerOrder; readonly accountId: string | null }[];
  readonly tells?: readonly {
    readonly job: string;
    readonly accountId: string;
    readonly event: JobEvent;
  }[];
  readonly settle?: readonly AttemptName[];
}

const keyOf = ({ id, run }: WorkerContext, slot: Slot): AttemptKey => ({
  attempt: slot.attempt,
  worker: id,
  epoch: run.epoch,
});

export function claim({ context, event }: Args): Decision {
  const { accountId, order } = event as EventOf<'slot.claimed'>;
  const { job, attempt, model, batch } = order;
  const { run } = context;
  const slot: Slot = {
    ...{ accountId, attempt, model, phase: 'live' },
    ...(batch && { batch: batch.id }),
  };
  const slots = withEntry(run.slots, job, slot);
  const runs = { order, accountId };
  if (run.loaded.includes(model) || run.loading === model)
    return { run: { slots }, orders: [runs] };
  // What has to go to make room is the agent's to say: it knows the real memory. It reports it `unloaded`.
  return {
    run: { slots, loading: model },
    orders: [{ order: { type: 'load', model }, accountId: null }, runs],
  };
}

export function refuseClaim({ context, event }: Args): Decision {
  const { accountId, epoch, order } = event as EventOf<'slot.claimed'>;
  const { job, attempt } = order;
  const key: AttemptKey = { attempt, worker: context.id, epoch };
  return { tells: [{ job, accountId, event: { type: 'slot.refused', ...key } }] };
}

/** Stop the attempt but keep its slot busy until the agent says that it stopped. */
export function cancelSlot({ context: { run }, event }: Args): Decision {
  const { job, attempt } = event as EventOf<'slot.cancelRequested'>;
  const slot = run.slots[job];
  if (slot?.attempt !== attempt) {
    return run.lost[job]?.attempt === attempt ? { run: { lost: without(run.lost, job) } } : {};
  }
  return {
    run: { slots: withEntry(run.slots, job, { ...slot, phase: 'cancelling' }) },
    orders: [{ order: { type: 'cancel', job, attempt }, accountId: slot.accountId }],
  };
}

/** The job that a cut-off attempt was offered to has ended meanwhile: stop the attempt. */
export function dropBounced({ context: { run }, event }: Args): Decision {
  const { from: job } = event as EventOf<'tell.bounced'>;
  const slot = run.slots[job];
  if (!slot || slot.phase === 'cancelling') return {};
  return {
    run: { slots: withEntry(run.slots, job, { ...slot, phase: 'cancelling' }) },
    orders: [{ order: { type: 'cancel', job, attempt: slot.attempt }, accountId: slot.accountId }],
  };
}

/**
 * The agent reports the end of an attempt. One that has no slot here is told to be forgotten and changes
 * nothing. One that is being cancelled frees its slot; its job is not told, for it has moved on.
 */
export function report({ context, event }: Args): Decision {
  const ended = event as EventOf<'run.finished' | 'run.failed' | 'run.cancelled'>;
  const { job, attempt } = ended;
  const { run } = context;
  const slot = run.slots[job];
  const settle = [{ job, attempt }];
  if (slot?.attempt !== attempt) return { settle };
  const key = keyOf(context, slot);
  const tell = (said: JobEvent): NonNullable<Decision['tells']> =>
    slot.phase === 'cancelling' ? [] : [{ job, accountId: slot.accountId, event: said }];
  const slots = without(run.slots, job);

  switch (ended.type) {
    case 'run.finished': {
      const { type, outputs, runMs, refused } = ended;
      return {
        run: { slots, failuresInRow: 0, breaks: 0 },
        tells: tell({
          type,
          ...key,
          outputs,
          runMs,
          ...(refused === undefined ? {} : { refused }),
        }),
        settle,
      };
    }
    case 'run.failed': {
      const { type, code, message } = ended;
      return {
        run: { slots, failuresInRow: run.failuresInRow + (blamesWorker(code) ? 1 : 0) },
        tells: tell({ type, ...key, code, message }),
        settle,
      };
    }
    case 'run.cancelled':
      // Nobody asked for it: the attempt comes back without costing one.
      return { run: { slots }, tells: tell({ type: 'slot.returned', ...key }), settle };
  }
}

/** Failures that say something about the worker rather than about the job. */
const blamesWorker = (code: string) =>
  code === 'engineCrashed' ||
  code === 'engineUnreachable' ||
  code === 'modelLoadFailed' ||
  code === 'outputMissing';

export function noteLoaded({ context: { run }, event }: Args): Decision {
  const { model } = event as EventOf<'model.loaded'>;
  return {
    run: {
      loaded: [...run.loaded.filter((each) => each !== model), model],
      loading: run.loading === model ? null : run.loading,
    },
  };
}

/** Nothing that waited for the model can run here; each of those attempts failed. */
export function noteLoadFailed({ context, event }: Args): Decision {
  const { model, code, message } = event as EventOf<'model.loadFailed'>;
  const { run } = context;
  const waiting = Object.entries(run.slots).filter(([, slot]) => slot.model === model);
  return {
    run: {
      loaded: run.loaded.filter((each) => each !== model),
      loading: run.loading === model ? null : run.loading,
      slots: Object.fromEntries(
        Object.entries(run.slots).filter(([, slot]) => slot.model !== model),
      ),
      // A model too large for the card says nothing about the others.
      failuresInRow: run.failuresInRow + (code === 'outOfMemory' ? 0 : 1),
    },
    orders: waiting.map(([job, slot]) => ({
      order: { type: 'cancel', job, attempt: slot.attempt },
      accountId: slot.accountId,
    })),
    tells: waiting
      .filter(([, slot]) => slot.phase !== 'cancelling')
      .map(([job, slot]) => ({
        job,
        accountId: slot.accountId,
        event: { type: 'run.failed', ...keyOf(context, slot), code, message },
      })),
  };
}

const orderPins = (models: readonly string[]) => ({
  order: { type: 'pin' as const, models: [...models] },
  accountId: null,
});

/** Whoever is not connected is told with its next hello. */
function pinned(context: WorkerContext, models: readonly string[]): Decision {
  return {
    run: { pinned: models },
    orders: isConnected({ context }) ? [orderPins(models)] : [],
  };
}

export function pin({ context, event }: Args): Decision {
  const { model } = event as EventOf<'model.pinRequested'>;
  if (context.run.pinned.includes(model)) return {};
  return pinned(context, [...context.run.pinned, model]);
}

export function unpin({ context, event }: Args): Decision {
  const { model } = event as EventOf<'model.unpinRequested'>;
  if (!context.run.pinned.includes(model)) return {};
  return pinned(
    context,
    context.run.pinned.filter((each) => each !== model),
  );
}

/**
 * With nothing else to do, pinned models are fetched at once; else each comes with its next job. Only when the pin
 * or the agent is new: one that cannot be loaded must not be tried for ever.
 */
export function fetchPinned({ context: { run } }: Args): Decision {
  const missing = run.pinned.filter((model) => !run.loaded.includes(model));
  if (missing.length === 0 || run.loading !== null || Object.keys(run.slots).length > 0) return {};
  // In this order, so that the last one ends the loading.
  const orders = missing.map((model) => ({
    order: { type: 'load' as const, model },
    accountId: null,
  }));
  return { run: { loading: missing.at(-1)! }, orders };
}

/** The agent has others pinned than it should. */
export const pinsIn = (
  told: readonly string[],
  { pinned: wanted }: WorkerRun,
): NonNullable<Decision['orders']> =>
  [...told].sort().join() === [...wanted].sort().join() ? [] : [orderPins(wanted)];

/** Its attempts go on, but nothing new is sent into a socket that is gone. */
export const noteDisconnected = (): Decision => ({ run: { runtime: '' } });

export function noteUnloaded({ context: { run }, event }: Args): Decision {
  const { model } = event as EventOf<'model.unloaded'>;
  if (!run.loaded.includes(model)) return {};
  return { run: { loaded: run.loaded.filter((each) => each !== model) } };
}
