// What a job says to its account and to its worker. Pure, like context.ts.
import { quotaRef, workerRef } from '../contract/ids.ts';
import type { RunOrder } from '../contract/worker-protocol.ts';
import type { Effects } from '../effect.ts';
import { heldWords } from '../pricing/settlement.ts';
import { limitMsOf, settlementOf, type Args, type EventOf } from './context.ts';

type Tell = Effects['actor.tell'];

export const askHold = ({ context: { spec } }: Args): Tell => ({
  to: quotaRef(spec.accountId),
  event: {
    type: 'hold.requested',
    job: spec.id,
    amountMt: spec.costMt,
    reason: heldWords(spec.modality),
  },
});

/** The whole hold is closed: what is not charged goes back with the same posting. */
export const askSettlement = ({ context }: Args): Tell => {
  const { id: job, accountId } = context.spec;
  const { chargedMt, reason, isStopped } = settlementOf(context);
  const closing = { job, reason, ...(isStopped && { isStopped }) };
  return {
    to: quotaRef(accountId),
    event:
      chargedMt > 0
        ? { type: 'hold.captureRequested', amountMt: chargedMt, ...closing }
        : { type: 'hold.releaseRequested', ...closing },
  };
};

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
