// A worker as the tests know it: two slots, two models of which one fits, one event of each type, and
// the shortest way to each state.
import type { BatchPlace } from '../contract/batching.ts';
import type { WorkerEvent, WorkerOffer } from '../contract/events.ts';
import type { ModelOffer } from '../contract/models.ts';
import type { RunOrder } from '../contract/worker-protocol.ts';
import {
  begin,
  effectsOf,
  leavesIn,
  take,
  takeAll,
  timerEvent,
  type Said,
  type StateOf,
  type TimerOf,
} from '../testing.ts';
import { jobRef } from '../contract/ids.ts';
import { workerMachine, type WorkerSnapshot } from './machine.ts';

export type WorkerState = StateOf<typeof workerMachine>;
export type Column = WorkerEvent['type'] | TimerOf<typeof workerMachine>;

const GB = 1024 ** 3;

const model = (id: string, vramBytes: number): ModelOffer => ({
  id,
  name: id,
  engine: 'builtin',
  modality: 'image',
  description: id,
  vramBytes,
  loadMs: 1000,
  runMs: 1000,
  limits: {},
  styles: [],
  voices: [],
});

export const offer: WorkerOffer = {
  name: 'desk',
  version: '1.0.0',
  gpu: { name: 'card', vramBytes: 16 * GB },
  slots: 2,
  models: [
    { ...model('sketch', 6 * GB), batch: { max: 3, cost: 0.5 } },
    model('paint', 6 * GB),
    model('film', 12 * GB),
  ],
};

/** Stamped like the turn does. */
export const at = <E extends { type: string }>(event: E, time = 1000) => ({ ...event, at: time });

export const runOrder = (
  job: string,
  modelId = 'sketch',
  attempt = 1,
  batch?: BatchPlace,
): RunOrder => ({
  type: 'run',
  job,
  attempt,
  model: modelId,
  modality: 'image',
  prompt: 'a lighthouse',
  params: { width: 1024, height: 1024 },
  count: 1,
  work: 1,
  inputs: [],
  timeLimitMs: 60_000,
  ...(batch && { batch }),
});

export const claim = (
  job: string,
  modelId = 'sketch',
  attempt = 1,
  epoch = 'e1',
  batch?: BatchPlace,
) =>
  at({
    type: 'slot.claimed',
    accountId: 'acc_1',
    epoch,
    order: runOrder(job, modelId, attempt, batch),
  });

/** Together with others in one call. */
export const claimInBatch = (
  job: string,
  { id = 'b1', size = 3, model = 'sketch', epoch = 'e1' } = {},
) => claim(job, model, 1, epoch, { id, size });

export const hello = (
  attempts: readonly { job: string; attempt: number }[] = [],
  { epoch = 'e1', runtime = 'r1', loaded = ['sketch'] as readonly string[] } = {},
) => at({ type: 'worker.connected', epoch, runtime, offer, loaded, attempts });

export const name = { job: 'job_1', attempt: 1 };
const report = { ...name, epoch: 'e1' };
const output = {
  blob: `sha256:${'0'.repeat(64)}`,
  bytes: 9,
  mediaType: 'image/png',
  facts: {},
};

/** One of each, the canonical one: boot e1 at runtime r1, about attempt 1 of job_1. */
export const EVENTS = {
  'worker.connected': hello([name]),
  'worker.disconnected': at({ type: 'worker.disconnected', epoch: 'e1', runtime: 'r1' }),
  'worker.heartbeat': at({ type: 'worker.heartbeat', epoch: 'e1', runtime: 'r1' }),
  'worker.drainRequested': at({ type: 'worker.drainRequested' }),
  'worker.resumeRequested': at({ type: 'worker.resumeRequested' }),
  'worker.quarantineRequested': at({ type: 'worker.quarantineRequested' }),
  'lease.expired': at({ type: 'lease.expired' }),
  'model.pinRequested': at({ type: 'model.pinRequested', model: 'paint' }),
  'model.unpinRequested': at({ type: 'model.unpinRequested', model: 'paint' }),
  'slot.claimed': claim('job_2'),
  'slot.adopted': at({ type: 'slot.adopted', ...name }),
  'slot.cancelRequested': at({ type: 'slot.cancelRequested', ...name }),
  'tell.bounced': at({ type: 'tell.bounced', from: 'job_1', event: 'run.adoptionOffered' }),
  'model.loaded': at({
    type: 'model.loaded',
    epoch: 'e1',
    model: 'film',
    loadMs: 1000,
    vramBytes: 12 * GB,
  }),
  'model.loadFailed': at({
    type: 'model.loadFailed',
    epoch: 'e1',
    model: 'film',
    code: 'modelLoadFailed',
    message: 'It is damaged.',
  }),
  'model.unloaded': at({ type: 'model.unloaded', epoch: 'e1', model: 'sketch' }),
  'run.finished': at({ type: 'run.finished', ...report, outputs: [output], runMs: 7000 }),
  'run.failed': at({ type: 'run.failed', ...report, code: 'engineCrashed', message: 'It fell.' }),
  'run.cancelled': at({ type: 'run.cancelled', ...report }),
  break: at({ type: timerEvent(workerMachine, 'break') }),
} as const satisfies Record<Column, { type: string; at: number }>;

const IDLE = [hello()];
const EXECUTING = [...IDLE, claim('job_1')];
export const FAILURE = [claim('job_1'), EVENTS['run.failed']];

/** The canonical way to each state that lasts; `connecting` never does. */
export const WAYS: Record<Exclude<WorkerState, 'connecting'>, readonly object[]> = {
  offline: [...EXECUTING, EVENTS['lease.expired']],
  idle: IDLE,
  swapping: [...IDLE, claim('job_1', 'film')],
  executing: EXECUTING,
  draining: [...EXECUTING, EVENTS['worker.drainRequested']],
  unhealthy: [...IDLE, ...FAILURE, ...FAILURE, ...FAILURE],
  quarantined: [...EXECUTING, EVENTS['worker.quarantineRequested']],
};

export const STATES = [...Object.keys(WAYS), 'connecting'] as WorkerState[];

export const after = (...events: readonly object[]) => {
  const born = begin(workerMachine, { id: 'w1' });
  return takeAll(workerMachine, born.snapshot, events);
};

export function reach(state: WorkerState): WorkerSnapshot {
  if (state !== 'connecting') return after(...WAYS[state]).snapshot;
  // Only a chart of another version could have stored it.
  const { context } = reach('idle');
  return workerMachine.resolveState({ value: 'connecting', context });
}

export const stateOf = (snapshot: WorkerSnapshot) => leavesIn(snapshot.value)[0] as WorkerState;
export const step = (state: WorkerState, event: object) => take(workerMachine, reach(state), event);
export const run = (...events: readonly object[]) => after(...events).snapshot.context.run;
export const ordersOf = (said: readonly Said[]) =>
  effectsOf(said, 'worker.order').map(({ order }) =>
    'model' in order && order.type !== 'run'
      ? `${order.type} ${order.model}`
      : 'job' in order
        ? `${order.type} ${order.job} ${order.attempt}`
        : order.type,
  );
export const tellsOf = (said: readonly Said[]) => effectsOf(said, 'actor.tell');
export const key = { attempt: 1, worker: 'w1', epoch: 'e1' };
export const toJob = (event: object, id = 'job_1') => ({ to: jobRef('acc_1', id), event });
export const timers = (said: readonly Said[]) => said.filter(([kind]) => /arm/.test(kind));
export const LEASE = (delayMs: number) => [
  ['disarm', 'lease'],
  ['arm', 'lease', delayMs],
];
