// A call that waits: the job is made, watched to its end, and answered with. Whoever hangs up does not want it
// any more: it is cancelled, before a repeat of theirs is read.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { jobRef } from '../../../machines/contract/ids.ts';
import { jobRequest, type JobRequestInput } from '../../../machines/contract/requests.ts';
import type { JobView } from '../../../machines/contract/views.ts';
import { isSettled, type Actor } from '../../actor.ts';
import type { Host } from '../../host.ts';
import type { Ephemeral } from '../../live.ts';
import { Refused } from '../../refusals.ts';
import { quoteJob, submitJob } from '../../submit.ts';
import { jobView } from '../../views.ts';
import { callerOf } from '../access.ts';
import { notValid } from '../bodies.ts';
import { EndWatch } from '../end-watch.ts';
import { roleOf } from '../principals.ts';
import { refuse } from '../problems.ts';
import { readKey } from '../routes/jobs.ts';

/** Longer than this nobody holds a connection open for a place in a line. */
const QUEUE_MAX_S = 60;

export interface Run {
  readonly id: string;
  /** Resolves when the job has ended, however it ended. */
  readonly ended: Promise<JobView>;
}

/** @throws Refused */
export async function submit(
  host: Host,
  request: FastifyRequest,
  wish: JobRequestInput,
): Promise<Actor> {
  const parsed = jobRequest.safeParse(wish);
  if (!parsed.success) throw notValid('This cannot be asked for.', parsed.error);
  const caller = callerOf(request);
  const { accountId, id: principal } = caller;
  const asked = { accountId, role: roleOf(caller), request: parsed.data };
  const idempotencyKey = readKey(request.headers['idempotency-key']);
  const { actor } = await submitJob(host, { ...asked, principal, idempotencyKey });
  return actor;
}

/**
 * Submits and watches. @param listen told of progress and text while it runs
 * @throws Refused, also when so much waits that it would not begin within a minute
 */
export async function run(
  host: Host,
  request: FastifyRequest,
  reply: FastifyReply,
  wish: JobRequestInput,
  listen: (frame: Ephemeral) => void = () => undefined,
): Promise<Run> {
  await refuseLongQueue(host, request, wish);
  const { accountId } = callerOf(request);
  // Watch first, so that the first word is not missed.
  const watch = new EndWatch(host, accountId, listen);
  try {
    const actor = await submit(host, request, wish);
    const { id } = actor.ref;
    const hungUp = () => {
      if (reply.raw.writableFinished) return;
      watch.stop();
      // Under a key the same call may come again, and wants the job that it made.
      if (request.headers['idempotency-key'] !== undefined) return;
      const cancel = { type: 'job.cancelRequested' } as const;
      void host.turns.post(jobRef(accountId, id), cancel).catch(() => undefined);
    };
    // Who has gone while it was being made is not heard going any more.
    if (reply.raw.destroyed) hungUp();
    else reply.raw.once('close', hungUp);
    const ended = watch.endOf(actor).then((last) => {
      if (isSettled(last)) return jobView(last);
      throw refuse('unavailable', 'The caller has gone.');
    });
    ended.catch(() => undefined); // who hung up waits no more
    return { id, ended };
  } catch (error) {
    watch.stop();
    throw error;
  }
}

/** As `run`, to a good end. @throws Refused when the job did not succeed */
export async function succeed(
  host: Host,
  request: FastifyRequest,
  reply: FastifyReply,
  wish: JobRequestInput,
): Promise<JobView> {
  const { ended } = await run(host, request, reply, wish);
  return mustSucceed(await ended);
}

export function mustSucceed(job: JobView): JobView {
  if (job.state === 'succeeded') return job;
  const why = job.failure?.message ?? `It ended as ${job.state}.`;
  throw refuse('job_failed', `${why} Nothing was charged for it.`, { job_id: job.id });
}

async function refuseLongQueue(
  host: Host,
  request: FastifyRequest,
  wish: JobRequestInput,
): Promise<void> {
  const parsed = jobRequest.safeParse(wish);
  if (!parsed.success) throw notValid('This cannot be asked for.', parsed.error);
  const caller = callerOf(request);
  const { accountId } = caller;
  const asked = { accountId, role: roleOf(caller), request: parsed.data };
  const quote = await quoteJob(host, asked).catch((error: unknown) => {
    // Submitting says the same, and counts it.
    if (error instanceof Refused && error.code === 'refused_content') return null;
    throw error;
  });
  if (quote === null) return;
  const { eta, affordable } = quote;
  // That the tokens do not suffice is the better answer, and submitting gives it.
  if (!affordable || eta === null || eta.min_s <= QUEUE_MAX_S) return;
  throw refuse(
    'queue_too_long',
    `It would take about ${Math.round(eta.min_s)} s (${eta.reason}), longer than a call like this waits. ` +
      'Try again later, or use POST /v1/jobs, which need not be waited for.',
    { retry_after_s: Math.ceil(eta.min_s - QUEUE_MAX_S) },
  );
}
