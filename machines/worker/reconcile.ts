// What happens to attempts when an agent goes and when it comes back. Pure, like context.ts.
import type { JobEvent } from '../contract/events.ts';
import type { Args, Decision, EventOf, Slot, WorkerContext } from './context.ts';

type Tells = NonNullable<Decision['tells']>;

const live = (slots: Readonly<Record<string, Slot>>) =>
  Object.entries(slots).filter(([, slot]) => slot.phase !== 'cancelling');

function tellAll(
  { id, run }: WorkerContext,
  slots: readonly (readonly [string, Slot])[],
  type: 'worker.lost' | 'worker.crashed' | 'slot.returned' | 'run.adoptionOffered',
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
  return {
    run: {
      slots: {},
      lost: { ...run.lost, ...Object.fromEntries(live(run.slots)) },
      loaded: [],
      loading: null,
    },
    tells: tellAll(context, live(run.slots), 'worker.lost'),
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
    loaded: hello.loaded,
    loading: null,
  };
  if (hello.epoch !== run.epoch) {
    const gone = [...live(run.slots), ...Object.entries(run.lost)];
    return {
      offer: hello.offer,
      run: { ...arrived, slots: {}, lost: {}, failuresInRow: 0, breaks: 0 },
      tells: tellAll(context, gone, 'worker.crashed'),
    };
  }

  // The order to load may have been lost on the way; asking twice does no harm.
  const loading = run.loading !== null && !hello.loaded.includes(run.loading) ? run.loading : null;
  const said = new Map(hello.attempts.map(({ job, attempt }) => [job, attempt]));
  const slots = Object.entries(run.slots);
  const kept = slots.filter(([job, slot]) => said.get(job) === slot.attempt);
  const returned = slots.filter(([job, slot]) => said.get(job) !== slot.attempt);
  const cutOff = Object.entries(run.lost).filter(([job, slot]) => said.get(job) === slot.attempt);
  const known = new Set([...kept, ...cutOff].map(([job]) => job));
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
      ...tellAll(context, live(Object.fromEntries(returned)), 'slot.returned'),
      ...tellAll(context, cutOff, 'run.adoptionOffered'),
    ],
    orders: [
      ...(loading === null
        ? []
        : [{ order: { type: 'load' as const, model: loading }, accountId: null }]),
      ...hello.attempts
        .filter(({ job }) => !known.has(job))
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
