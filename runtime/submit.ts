// From a request to a job: prepared, given its id, and left to the actors, which decide.
import { createHash } from 'node:crypto';
import type { JobSpec } from '../machines/contract/events.ts';
import { jobRef } from '../machines/contract/ids.ts';
import type { JobRequest } from '../machines/contract/requests.ts';
import type { DryRunView } from '../machines/contract/views.ts';
import type { Refusal } from '../machines/effect.ts';
import type { JobContext } from '../machines/job/context.ts';
import { timeLimitMs } from '../machines/pricing/price.ts';
import { secondMtOf } from '../machines/pricing/settlement.ts';
import { readAccount } from './account.ts';
import type { Actor } from './actor.ts';
import { cheaperThan } from './cheaper.ts';
import { base32 } from './clock.ts';
import type { Host } from './host.ts';
import { prepare, type Asked, type Work } from './prepare.ts';
import { Refused, refusedBy } from './refusals.ts';
import { cancelView, contextOf, costView } from './views.ts';

export interface Submission extends Asked {
  /** Who sent it: the key or session. Idempotency keys of different principals do not meet. */
  readonly principal: string;
  readonly idempotencyKey: string | null;
  /** Of a frontend: what it will have to bring to somebody. */
  readonly delivery?: Delivery;
}

/** Written before the job is made, taken back when it is not. */
export interface Delivery {
  announce(jobId: string): Promise<void>;
  withdraw(jobId: string): Promise<void>;
}

/** Resolves when the job is durable. A repeat under the same key answers with the first job. */
export async function submitJob(
  host: Host,
  submission: Submission,
): Promise<{ actor: Actor; created: boolean }> {
  const { accountId, principal, request, idempotencyKey } = submission;
  const work = await prepare(host, submission);
  const id =
    idempotencyKey === null
      ? host.ids.make('job', host.clock.now())
      : idFromKey(accountId, principal, idempotencyKey);
  const bodyHash = hashOf(request);
  const longestMs = host.times.longestRunMs(work.spec.model, work.spec.work);
  const spec: JobSpec = {
    ...{ ...work.spec, id, bodyHash, timeLimitMs: timeLimitMs(1, longestMs) },
    secondMt: secondMt(host, work.spec),
  };
  await submission.delivery?.announce(id);
  const outcome = await host.turns.post(jobRef(accountId, id), {
    type: 'job.submitRequested',
    spec,
    impossible: work.refusal?.detail ?? null,
  });
  // Told only now: what was accepted under this key before is answered with, whatever has changed since.
  if (!outcome.ok) {
    await submission.delivery?.withdraw(id);
    throw await told(host, submission, work, outcome.refusal);
  }
  const actor = outcome.actor!;
  if (contextOf<JobContext>(actor).spec.bodyHash !== bodyHash)
    throw new Refused(
      409,
      'idempotency_conflict',
      'This Idempotency-Key was used for a different request. Use a new key for a new request.',
    );
  return { actor, created: outcome.changed };
}

/** The refusal as the caller hears it, with what could be had instead. */
async function told(host: Host, asked: Asked, work: Work, refusal: Refusal): Promise<Refused> {
  if (refusal.code === 'impossible') {
    await counted(host, asked, work.refusal!);
    return withRoom(host, asked, work, work.refusal!);
  }
  const refused = refusedBy(refusal);
  if (refusal.code !== 'insufficient_tokens') return refused;
  const { availableMt } = refusal;
  const isAffordable = ({ costMt }: Work['spec']): boolean => costMt <= availableMt;
  return refused.with({ cheaper: await cheaperThan(host, asked, work, isAffordable) });
}

/** Only what was really asked for counts, never what somebody wanted the price of. */
async function counted(host: Host, { accountId }: Asked, refused: Refused): Promise<void> {
  if (refused.code !== 'refused_content') return;
  const rule = String(refused.extension['rule']);
  host.metrics.contentRefused.inc({ rule });
  await host.strikes.add(accountId, rule);
}

async function withRoom(host: Host, asked: Asked, work: Work, refused: Refused): Promise<Refused> {
  if (refused.code !== 'queue_full') return refused;
  return refused.with({ cheaper: await cheaperThan(host, asked, work, () => true) });
}

/** What a second of its run costs the person who stops it. */
const secondMt = ({ dispatcher }: Host, spec: Work['spec']): number =>
  secondMtOf(spec.costMt, dispatcher.expectedMs(spec));

/** What it would cost, and whether it could run. Writes nothing and uses up no key. */
export async function quoteJob(host: Host, asked: Asked): Promise<DryRunView> {
  const work = await prepare(host, asked);
  const { spec, refusal } = work;
  if (refusal !== null) throw await withRoom(host, asked, work, refusal);
  const account = await readAccount(host, asked.accountId);
  return {
    object: 'dry_run',
    model: spec.model,
    params: { ...spec.params },
    cost: costView(spec.costMt, null),
    affordable: account.available_millitokens >= spec.costMt,
    cancel: cancelView(
      {
        graceMs: account.brake.cancel_free_s * 1000,
        secondMt: secondMt(host, spec),
        costMt: spec.costMt,
      },
      null,
    ),
    eta: host.dispatcher.etaOf(spec, account.plan),
  };
}

const digest = (...parts: string[]) => createHash('sha256').update(parts.join('\u0000')).digest();

/** The same key makes the same id: that there is one job per key is the primary key of `actors`. */
export const idFromKey = (accountId: string, principal: string, key: string): string =>
  `job_${base32(digest('job', accountId, principal, key))}`;

const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, each]) => [key, sorted(each)]),
        )
      : value;

const hashOf = (request: JobRequest): string =>
  digest(JSON.stringify(sorted(request))).toString('hex');
