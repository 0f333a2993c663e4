// Whom an actor has to do with right now, read off its context, so that one can go from one to the other.
import {
  jobRef,
  quotaRef,
  workerRef,
  type ActorKind,
  type ActorRef,
} from '../../machines/contract/ids.ts';
import type { JobContext } from '../../machines/job/context.ts';
import type { QuotaContext } from '../../machines/quota/decisions.ts';
import type { WorkerContext } from '../../machines/worker/context.ts';

export interface Link {
  readonly why:
    'pays' | 'runs it' | 'may bring it back' | 'runs here' | 'was lost here' | 'held for';
  readonly to: ActorRef;
}

const LINKS: Readonly<Record<ActorKind, (ref: ActorRef, context: unknown) => Link[]>> = {
  job: ({ accountId }, context) => {
    const { lease, adoptable } = (context as JobContext).run;
    return [
      { why: 'pays', to: quotaRef(accountId) },
      ...(lease ? [{ why: 'runs it', to: workerRef(lease.worker) } as const] : []),
      ...(adoptable
        ? [{ why: 'may bring it back', to: workerRef(adoptable.worker) } as const]
        : []),
    ];
  },
  worker: (_, context) => {
    const { slots, lost } = (context as WorkerContext).run;
    const jobs = (of: WorkerContext['run']['slots'], why: Link['why']): Link[] =>
      Object.entries(of).map(([job, { accountId }]) => ({ why, to: jobRef(accountId, job) }));
    return [...jobs(slots, 'runs here'), ...jobs(lost, 'was lost here')];
  },
  quota: ({ accountId }, context) =>
    Object.keys((context as QuotaContext).balance.holds).map((job) => ({
      why: 'held for',
      to: jobRef(accountId, job),
    })),
  subscription: ({ accountId }) => [{ why: 'pays', to: quotaRef(accountId) }],
};

/** Empty for a context that this code cannot read. */
export function linksOf(ref: ActorRef, context: unknown): Link[] {
  try {
    return LINKS[ref.kind](ref, context);
  } catch {
    return [];
  }
}
