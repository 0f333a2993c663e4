// What happens to attempts when an agent goes and when it comes back. Pure, like decisions.ts.
import type { JobEvent } from '../contract/events.ts';
import type { Args, EventOf, Slot, WorkerContext } from './context.ts';
import { pinsIn, type Decision } from './decisions.ts';

type Tells = NonNullable<Decision['tells']>;

const isLive = ([, slot]: readonly [string, Slot]) => slot.phase !== 'cancelling';

function tellAll(
  { id, run }: WorkerContext,
  slots: readonly (readonly [string, Slot])[],
  type:
    'worker.lost' | 'worker.crashed' | 'slot.returned' | 'run.acknowledged' | 'run.adoptionOffered',
): Tells {
  return slots.map(([job, slot]) => ({
    job,
    accountId: slot.accountId,
    event: { type, attempt: slot.attempt, worker: id, epoch: run.epoch } satisfies JobEvent,
  }));
}

/** The lease ran out: free every job at once, and remember the attempts in case they come back. */
export function loseAll({ context }: Args): Decision {
  const { run } = context;
  const freed = Object.entries(run.slots).filter(isLive);
  return {
    run: {
      runtime: '',
      slots: {},
      lost: { ...run.lost, ...Object.fromEntries(freed) },
      loaded: [],
      loading: null,
    },
    tells: tellAll(context, freed, 'worker.lost'),
  };
}

/**
 * An agent said hello. The same boot keeps what both sides know, gets back what the agent no longer
 * knows, and offers what was cut off to its jobs. A new boot has lost everything of the old one.
 */
export function reconcile({ context, event }: Args): Decision {
  const hello = event as EventOf<'worker.connected'>;
  const { run } = context;
  const arrived = {
    epoch: hello.epoch,
    runtime: hello.runtime,
    connection: hello.connection ?? 0,
    loaded: hello.loaded,
    loading: null,
  };
  if (hello.epoch !== run.epoch) {
    const gone = [...Object.entries(run.slots).filter(isLive), ...Object.entries(run.lost)];
    return {
      offer: hello.offer,
      run: { ...arrived, slots: {}, lost: {}, failuresInRow: 0, breaks: 0 },
      tells: tellAll(context, gone, 'worker.crashed'),
      orders: pinsIn(hello.pinned ?? [], run),
    };
  }

  // The order to load may have been lost on the way; asking twice does no harm.
  const loading = run.loading !== null && !hello.loaded.includes(run.loading) ? run.loading : null;
  // It may name two attempts of one job: one that waits to be settled, and one that runs.
  const nameOf = (job: string, attempt: number) => `${job} ${attempt}`;
  const said = new Set(hello.attempts.map(({ job, attempt }) => nameOf(job, attempt)));
  const isSaid = ([job, slot]: [string, Slot]) => said.has(nameOf(job, slot.attempt));
  const slots = Object.entries(run.slots);
  const kept = slots.filter(isSaid);
  const returned = slots.filter((each) => !isSaid(each));
  const cutOff = Object.entries(run.lost).filter(isSaid);
  const known = new Set([...kept, ...cutOff].map(([job, slot]) => nameOf(job, slot.attempt)));
  return {
    offer: hello.offer,
    // What was cut off keeps its slot until its job answers: adopted, or ended (the tell bounces).
    run: {
      ...arrived,
      slots: Object.fromEntries([...kept, ...cutOff]),
      lost: {},
      loading,
    },
    tells: [
      ...tellAll(context, returned.filter(isLive), 'slot.returned'),
      // The agent has the order, whether or not that got through. A job that knows it ignores this.
      ...tellAll(context, kept.filter(isLive), 'run.acknowledged'),
      ...tellAll(context, cutOff, 'run.adoptionOffered'),
    ],
    orders: [
      ...pinsIn(hello.pinned ?? [], run),
      ...(loading === null
        ? []
        : [{ order: { type: 'load' as const, model: loading }, accountId: null }]),
      ...hello.attempts
        .filter(({ job, attempt }) => !known.has(nameOf(job, attempt)))
        .map(({ job, attempt }) => ({
          order: { type: 'cancel' as const, job, attempt },
          accountId: null,
        })),
      ...kept
        .filter(([, slot]) => slot.phase === 'cancelling')
        .map(([job, slot]) => ({
          order: { type: 'cancel' as const, job, attempt: slot.attempt },
          accountId: slot.accountId,
        })),
    ],
  };
}
