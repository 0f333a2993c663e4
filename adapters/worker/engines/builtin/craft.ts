// What runs inside a model's thread. A craft is one model's skill with the tables it needs; building it
// is loading the model, and letting the thread end is unloading it.
import type { z } from 'zod';
import {
  EngineFailure,
  type EngineJob,
  type EngineOutput,
  type EngineUpdate,
} from '../../../../machines/contract/engine.ts';

export interface Craft {
  /** Memory its tables hold. */
  readonly bytes: number;
  run(job: EngineJob, ports: CraftPorts): Promise<EngineOutput[]>;
}

export interface CraftPorts {
  readonly report: (update: EngineUpdate) => void;
  /** Throws `Cancelled` when the job is no longer wanted. Called between small pieces of work. */
  readonly check: () => void;
}

export class Cancelled extends Error {
  constructor() {
    super('cancelled');
    this.name = 'Cancelled';
  }
}

/** Throws with a sentence for a person when the parameters do not fit. */
export function readParams<T>(schema: z.ZodType<T>, job: EngineJob): T {
  const params = schema.safeParse(job.params);
  if (params.success) return params.data;
  const reasons = params.error.issues.map(({ path, message }) =>
    `${path.join('.')} ${message}`.trim(),
  );
  throw new EngineFailure('invalidInput', `The parameters are not valid: ${reasons.join('; ')}.`);
}
