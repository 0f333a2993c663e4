// The params of a job, once more by their schema: the server would take anything.
import type { z } from 'zod';
import { EngineFailure, type EngineJob } from '../../../../machines/contract/engine.ts';

export function paramsOf<Schema extends z.ZodType>(
  schema: Schema,
  { params }: EngineJob,
): z.infer<Schema> {
  const read = schema.safeParse(params);
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  throw new EngineFailure(
    'invalidInput',
    `The parameter ${issue?.path.join('.') ?? ''} is not valid: ${issue?.message ?? ''}.`,
  );
}
