// The catalogue of refusals: every `code` a client can meet, with its status. Codes are stable; the
// sentences beside them are for people and may be improved.
import type { Problem } from '../../machines/contract/views.ts';
import { Refused } from '../refusals.ts';

export const PROBLEMS = {
  invalid_request: [400, 'The request is not valid'],
  forged: [400, 'The signature does not hold'],
  wrong_mode: [400, 'Real and pretended money are never mixed'],
  unauthorized: [401, 'Who is asking is not known'],
  insufficient_tokens: [402, 'Not enough tokens'],
  forbidden: [403, 'This is not allowed'],
  enrolment_refused: [403, 'The token does not hold'],
  model_not_allowed: [403, 'This model is not for this account'],
  local_only: [403, 'Only reachable from this machine'],
  sign_in_failed: [400, 'The sign-in failed'],
  sign_in_required: [403, 'Sign-in is required'],
  suspended: [403, 'The account is suspended'],
  banned: [403, 'Kept out'],
  not_found: [404, 'Not found'],
  model_not_found: [404, 'There is no such model'],
  idempotency_conflict: [409, 'The idempotency key belongs to another request'],
  join_refused: [409, 'The accounts cannot be joined now'],
  link_refused: [409, 'The code does not hold'],
  last_way_in: [409, 'It is the only way into the account'],
  already_subscribed: [409, 'There is a subscription already'],
  not_waiting: [409, 'The job is not waiting'],
  not_refused: [409, 'Nothing of the job is hidden'],
  not_ended: [409, 'The job has not ended'],
  still_used: [409, 'Another job works with it'],
  too_many_webhooks: [409, 'Too many webhooks'],
  upload_conflict: [409, 'The upload stands elsewhere'],
  too_large: [413, 'Too large'],
  unsupported_media_type: [415, 'The media type is not supported'],
  range_not_satisfiable: [416, 'No such range'],
  impossible: [422, 'Nothing here can do this'],
  refused_content: [422, 'This is not made here'],
  unreadable_file: [422, 'The file cannot be read'],
  refund_too_large: [422, 'More than was paid'],
  not_sold: [422, 'This is not sold here'],
  upload_mismatch: [422, 'The upload arrived damaged'],
  upgrade_required: [426, 'A WebSocket is needed'],
  job_failed: [500, 'The job did not succeed'],
  queue_too_long: [429, 'Too much waits for a call that is waited for'],
  queue_full: [429, 'The line is full'],
  too_many_jobs: [429, 'Too many jobs under way'],
  rate_limited: [429, 'Too many requests'],
  too_many_attempts: [429, 'Too many refused attempts'],
  internal: [500, 'Something went wrong'],
  parked: [500, 'Set aside for an operator'],
  overloaded: [503, 'Too much is waiting'],
  provider_unavailable: [502, 'The payment provider does not answer'],
  unavailable: [503, 'Not available right now'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof PROBLEMS;

/** To be thrown: a refusal with the status of its code. */
export const refuse = (
  code: ProblemCode,
  detail: string,
  extension: Readonly<Record<string, unknown>> = {},
): Refused => new Refused(PROBLEMS[code][0], code, detail, extension);

/** RFC 9457. */
export function problemOf(
  { code, status, detail, extension }: Refused,
  requestId: string,
): Problem {
  const known: readonly [number, string] | undefined = PROBLEMS[code as ProblemCode];
  return {
    ...extension,
    type: `urn:tessera:problem:${code}`,
    title: known?.[1] ?? 'The request was refused',
    status,
    code,
    detail,
    request_id: requestId,
  };
}
