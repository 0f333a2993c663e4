// A caller's request that is turned down, with a stable code. The HTTP side maps it to problem+json.
import type { JoinRefusal, Plan } from '../machines/contract/events.ts';
import type { Refusal } from '../machines/effect.ts';
import type { Full } from './queue-bound.ts';

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

  with(extension: Refused['extension']): Refused {
    const { status, code, detail } = this;
    return new Refused(status, code, detail, { ...this.extension, ...extension });
  }
}

/** As people say it: "40 s", "12 min", "2 h 5 min". */
export function spanOf(ms: number): string {
  const seconds = Math.ceil(Math.round(ms) / 1000);
  const minutes = Math.ceil(seconds / 60);
  if (seconds < 90) return `${seconds} s`;
  if (minutes < 90) return `${minutes} min`;
  return minutes % 60 === 0
    ? `${minutes / 60} h`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const RETRY_AFTER_MIN_S = 5;
const RETRY_AFTER_MAX_S = 3600;

/** No room in the line of the person's tier. */
export function queueFull(full: Full, model: string, plan: Plan): Refused {
  const { by, waitingMs, boundMs, retryAfterMs } = full;
  const retryAfterS = Math.min(
    RETRY_AFTER_MAX_S,
    Math.max(RETRY_AFTER_MIN_S, Math.ceil(Math.round(retryAfterMs) / 1000)),
  );
  const [what, most] = [`about ${spanOf(waitingMs)} of work`, spanOf(boundMs)];
  return new Refused(
    429,
    'queue_full',
    (by === 'tier'
      ? `The line for ${model} on the plan ${plan} is full: ${what} waits in it, and it takes ${most}. `
      : `Of this account ${what} waits for ${model} already, and the plan ${plan} takes ${most} of one account. `) +
      `Try again in about ${spanOf(retryAfterS * 1000)}.`,
    {
      retry_after_s: retryAfterS,
      plan,
      queue_s: Math.round(waitingMs / 1000),
      queue_max_s: Math.round(boundMs / 1000),
    },
  );
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
    case 'joined_elsewhere':
      return new Refused(
        503,
        'unavailable',
        'This account has just become part of another one. Try again in a few seconds.',
      );
    case 'join_refused':
      return new Refused(409, 'join_refused', WHY_NOT_JOINED[refusal.why], { why: refusal.why });
    case 'too_many_jobs':
      return new Refused(
        429,
        'too_many_jobs',
        `This account has ${refusal.jobsMax} jobs under way, and no more are taken at once. ` +
          'Send it again when some of them have ended, or cancel some.',
        { jobs_max: refusal.jobsMax },
      );
    case 'insufficient_tokens': {
      const { neededMt, availableMt, dailyMt } = refusal;
      const missingMt = neededMt - availableMt;
      const resetsAt = new Date(refusal.resetsAt).toISOString();
      const [day, minute] = [resetsAt.slice(0, 10), resetsAt.slice(11, 16)];
      return new Refused(
        402,
        'insufficient_tokens',
        `This may cost ${tokens(neededMt)} tokens and ${tokens(availableMt)} are left: ` +
          `${tokens(missingMt)} are missing. ${tokens(dailyMt)} new tokens come on ${day} at ${minute} UTC` +
          (neededMt > dailyMt ? ', and this costs more than those.' : '.'),
        {
          resets_at: resetsAt,
          missing_millitokens: missingMt,
          daily_grant_millitokens: dailyMt,
          needed_millitokens: neededMt,
          available_millitokens: availableMt,
        },
      );
    }
  }
}

const WHY_NOT_JOINED: Readonly<Record<JoinRefusal['why'], string>> = {
  jobs_under_way:
    'Jobs of the account that would join are still under way. Wait for their end, or cancel them.',
  not_in_good_standing: 'Only accounts in good standing are joined, or taken in.',
  has_a_plan: 'Both accounts have a paid plan. Let one of them end first.',
  is_joined: 'One of the two accounts is part of another one by now. Look again.',
};

export const invalid = (detail: string, errors: { at: string; reason: string }[] = []): Refused =>
  new Refused(400, 'invalid_request', detail, errors.length > 0 ? { errors } : {});
