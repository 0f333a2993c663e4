// What a GPU worker remembers, and the questions its chart asks about that.
import type { Stamped, WorkerEvent, WorkerOffer } from '../contract/events.ts';
import type { RunOrder } from '../contract/worker-protocol.ts';

/** What is stored with every turn stays small, whatever a worker offers. */
const ATTEMPTS_MAX = 64;

export interface Slot {
  readonly accountId: string;
  readonly attempt: number;
  readonly model: string;
  /** `cancelling`: the job has given it up, the agent has not said that it stopped. */
  readonly phase: 'live' | 'cancelling';
  /** The engine call that it shares with others; absent: its own. */
  readonly batch?: string;
}

export interface WorkerRun {
  readonly epoch: string;
  /** The runtime that holds the agent's socket; '' from its end to the next hello. */
  readonly runtime: string;
  /** The latest connection of this boot that said hello. */
  readonly connection: number;
  readonly loaded: readonly string[];
  readonly loading: string | null;
  /** Models that an operator wants kept in memory; outlives the connection and the boot. */
  readonly pinned: readonly string[];
  /** By job id. A job has at most one slot. */
  readonly slots: Readonly<Record<string, Slot>>;
  /** Attempts cut off with the connection, which the same epoch may bring back. */
  readonly lost: Readonly<Record<string, Slot>>;
  /** Engine failures in a row; opens the circuit breaker. */
  readonly failuresInRow: number;
  /** Times the breaker opened in a row; lengthens its pause. */
  readonly breaks: number;
}

export interface WorkerContext {
  readonly id: string;
  readonly offer: WorkerOffer;
  readonly run: WorkerRun;
}

export type Event = Stamped<WorkerEvent>;
export type EventOf<T extends WorkerEvent['type']> = Extract<Event, { type: T }>;

export interface Args {
  readonly context: WorkerContext;
  readonly event: Event;
}

export const freshContext = ({ input }: { input: { id: string } }): WorkerContext => ({
  id: input?.id,
  offer: { name: '', version: '', gpu: null, slots: 0, models: [] },
  run: {
    epoch: '',
    runtime: '',
    connection: 0,
    loaded: [],
    loading: null,
    pinned: [],
    slots: {},
    lost: {},
    failuresInRow: 0,
    breaks: 0,
  },
});

// --- questions ------------------------------------------------------------------------------------

export const isBusy = ({ context }: { context: WorkerContext }) =>
  Object.keys(context.run.slots).length > 0;

export const isLoading = ({ context }: { context: WorkerContext }) => context.run.loading !== null;

/** False from the end of the socket, or of the lease, to the next hello. */
export const isConnected = ({ context }: { context: WorkerContext }) => context.run.runtime !== '';

/**
 * Reports of an older boot, or of a socket that a newer one replaced, change nothing. Nor does what is
 * said between two hellos: the agent keeps its results and repeats them after the next one.
 */
export const isCurrentBoot = ({ context, event }: Args) =>
  isConnected({ context }) &&
  'epoch' in event &&
  event.epoch === context.run.epoch &&
  (!('runtime' in event) || event.runtime === context.run.runtime);

/** A hello may be held up on its way until its agent has said another one elsewhere. */
export const isNewest = ({ context: { run }, event }: Args) => {
  const { epoch, connection = 0 } = event as EventOf<'worker.connected'>;
  return epoch !== run.epoch || connection >= run.connection;
};

export const isSameBoot = ({ context, event }: Args) =>
  event.type === 'worker.connected' && event.epoch === context.run.epoch;

export const offersModel = ({ context: { offer }, event }: Args): boolean =>
  offer.models.some(({ id }) => id === (event as EventOf<'model.pinRequested'>).model);

/** Engine calls, under way or ordered: a worker offers so many at once, and those of one batch share one. */
export function callsIn(slots: WorkerRun['slots']): number {
  let alone = 0;
  const shared = new Set<string>();
  for (const job of Object.keys(slots)) {
    const { batch } = slots[job]!;
    if (batch === undefined) alone += 1;
    else shared.add(batch);
  }
  return alone + shared.size;
}

/** A call is free, or is the one that its batch has already; and the model takes that many. */
function hasPlace({ offer, run: { slots } }: WorkerContext, { model, batch }: RunOrder): boolean {
  const attempts = Object.values(slots);
  if (attempts.length >= ATTEMPTS_MAX) return false;
  const mates = batch ? attempts.filter((slot) => slot.batch === batch.id) : [];
  if (mates.length === 0 && callsIn(slots) >= offer.slots) return false;
  if (batch === undefined) return true;
  const max = offer.models.find(({ id }) => id === model)?.batch?.max ?? 1;
  return (
    batch.size <= max && mates.length < batch.size && mates.every((slot) => slot.model === model)
  );
}

/** A slot is free, and the model is in memory, on its way there, or may be swapped in now. */
export function canClaim({ context, event }: Args): boolean {
  const { offer, run } = context;
  const { epoch, order } = event as EventOf<'slot.claimed'>;
  const { job, model } = order;
  if (epoch !== run.epoch || run.runtime === '') return false;
  if (!hasPlace(context, order)) return false;
  // An earlier attempt of the job is still being stopped: the agent knows both by the same name.
  if (job in run.slots) return false;
  if (!offer.models.some(({ id }) => id === model)) return false;
  if (run.loading !== null) return run.loading === model;
  return run.loaded.includes(model) || Object.keys(run.slots).length === 0;
}
