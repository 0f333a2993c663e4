// What a job says to its account and to its worker. Pure, like context.ts.
import { quotaRef, workerRef } from '../contract/ids.ts';
import type { RunOrder } from '../contract/worker-protocol.ts';
import type { Effects } from '../effect.ts';
import { limitMsOf, type Args, type EventOf } from './context.ts';

type Tell = Effects['actor.tell'];

export const askHold = ({ context: { spec } }: Args): Tell => ({
  to: quotaRef(spec.accountId),
  event: {
    type: 'hold.requested',
    job: spec.id,
    amountMt: spec.costMt,
    reason: `Held for ${spec.modality}`,
  },
});

export const askCapture = ({ context: { spec } }: Args): Tell => ({
  to: quotaRef(spec.accountId),
  event: {
    type: 'hold.captureRequested',
    job: spec.id,
    amountMt: spec.costMt,
    reason: `Charged for ${spec.modality}`,
  },
});

const RELEASE_REASONS = {
  failed: 'Returned: the job failed',
  cancelled: 'Returned: you cancelled the job',
  expired: 'Returned: the job did not finish in time',
} as const;

export const askRelease = ({ context: { spec, run } }: Args): Tell => ({
  to: quotaRef(spec.accountId),
  event: {
    type: 'hold.releaseRequested',
    job: spec.id,
    reason: RELEASE_REASONS[run.ending ?? 'failed'],
  },
});

/** Told with the lease already taken: the worker makes its slot busy in the same commit. */
export const claimSlot = ({ context, event }: Args): Tell => {
  const { spec, run } = context;
  const { worker, epoch, batch } = event as EventOf<'job.dispatched'>;
  const { id: job, accountId, model, modality, prompt, count, work } = spec;
  const order: RunOrder = {
    type: 'run',
    job,
    attempt: run.attempt,
    model,
    modality,
    prompt,
    params: { ...spec.params },
    count,
    work,
    inputs: [...spec.inputs],
    timeLimitMs: limitMsOf(context, batch ?? null),
    ...(batch && { batch }),
  };
  return { to: workerRef(worker), event: { type: 'slot.claimed', accountId, epoch, order } };
};

export const keepSlot = ({ context: { spec }, event }: Args): Tell => {
  const { worker, attempt } = event as EventOf<'run.adoptionOffered'>;
  return { to: workerRef(worker), event: { type: 'slot.adopted', job: spec.id, attempt } };
};

/** The attempt came back too late: another one has taken its place. */
export const declineAdoption = ({ context: { spec }, event }: Args): Tell => {
  const { worker, attempt } = event as EventOf<'run.adoptionOffered'>;
  return { to: workerRef(worker), event: { type: 'slot.cancelRequested', job: spec.id, attempt } };
};

export const cancelSlot = ({ context: { spec, run } }: Args): Tell | null =>
  run.lease && {
    to: workerRef(run.lease.worker),
    event: { type: 'slot.cancelRequested', job: spec.id, attempt: run.lease.attempt },
  };
