// The charts that this site knows, by the kind of actor. The machines themselves: what is drawn and what is
// tried out are what the runtime runs.
import type { AnyStateMachine } from 'xstate';
import type { ActorKind } from '../../../../machines/contract/ids.ts';
import { jobMachine } from '../../../../machines/job/machine.ts';
import { quotaMachine } from '../../../../machines/quota/machine.ts';
import { subscriptionMachine } from '../../../../machines/subscription/machine.ts';
import { workerMachine } from '../../../../machines/worker/machine.ts';

export const CHARTS: Readonly<Record<ActorKind, AnyStateMachine>> = {
  job: jobMachine,
  worker: workerMachine,
  quota: quotaMachine,
  subscription: subscriptionMachine,
};
