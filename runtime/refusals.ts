// A caller's request that is turned down, with a stable code. The HTTP side maps it to problem+json.
import type { Refusal } from '../machines/effect.ts';

export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  /** More members for the problem document. */
  readonly extension: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    code: string,
    detail: string,
    extension: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail);
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.extension = extension;
  }
}

const tokens = (millitokens: number) => String(millitokens / 1000);

export function refusedBy(refusal: Refusal): Refused {
  switch (refusal.code) {
    case 'impossible':
      return new Refused(422, 'impossible', refusal.detail);
    case 'suspended':
      return new Refused(
        403,
        'suspended',
        'This account is suspended, so it cannot start new jobs.',
      );
    case 'too_many_jobs':
      return new Refused(
        429,
        'too_many_jobs',
        `This account has ${refusal.jobsMax} jobs under way, and no more are taken at once. ` +
          'Send it again when some of them have ended, or cancel some.',
        { jobs_max: refusal.jobsMax },
      );
    case 'insufficient_tokens': {
      const { neededMt, availableMt } = refusal;
      const resetsAt = new Date(refusal.resetsAt).toISOString();
      return new Refused(
        402,
        'insufficient_tokens',
        `This costs ${tokens(neededMt)} tokens and ${tokens(availableMt)} are left. ` +
          `New tokens come at ${resetsAt}; a smaller size or count costs less.`,
        {
          resets_at: resetsAt,
          needed_millitokens: neededMt,
          available_millitokens: availableMt,
        },
      );
    }
  }
}

export const invalid = (detail: string, errors: { at: string; reason: string }[] = []): Refused =>
  new Refused(400, 'invalid_request', detail, errors.length > 0 ? { errors } : {});
