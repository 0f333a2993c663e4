// The charts that this site knows, by the kind of actor. The machines themselves: what is drawn and what is
// tried out are what the runtime runs.
import type { AnyStateMachine } from 'xstate';
import { jobMachine } from '../../../../machines/job/machine.ts';
import { quotaMachine } from '../../../../machines/quota/machine.ts';
import { workerMachine } from '../../../../machines/worker/machine.ts';

export const CHARTS: Readonly<Record<string, AnyStateMachine>> = {
  job: jobMachine,
  worker: workerMachine,
  quota: quotaMachine,
};
