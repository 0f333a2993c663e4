// Actors as clients may see them. The only place that maps a job's chart state to its public state.
import type {
  AccountView,
  CancelView,
  CostView,
  JobView,
  Phase,
  PublicState,
  ReceiptView,
} from '../machines/contract/views.ts';
import type { Allowances } from '../machines/contract/plans.ts';
import { FAILURES } from '../machines/contract/failures.ts';
import { cancelTermsOf, settlementOf, type JobContext } from '../machines/job/context.ts';
import { brakeOf, brakeWords } from '../machines/pricing/brake.ts';
import { cancelWords, type CancelTerms } from '../machines/pricing/settlement.ts';
import {
  availableMt,
  emptyBalance,
  nextReset,
  rollDay,
  type Balance,
} from '../machines/quota/balance.ts';
import type { QuotaContext } from '../machines/quota/decisions.ts';
import { stateName, type Actor } from './actor.ts';

/** Total: a state of the chart that is missing here does not compile in `job/table.test.ts`. */
export const PUBLIC = {
  screening: ['queued', 'waiting'],
  holding: ['queued', 'waiting'],
  queued: ['queued', 'waiting'],
  backingOff: ['queued', 'retrying'],
  'assigned.loadingModel': ['running', 'loading_model'],
  'assigned.executing': ['running', 'executing'],
  storing: ['running', 'storing'],
  releasing: ['running', 'storing'],
  succeeded: ['succeeded', 'settled'],
  failed: ['failed', 'settled'],
  cancelled: ['cancelled', 'settled'],
  expired: ['expired', 'settled'],
  refused: ['refused', 'settled'],
} as const satisfies Record<string, readonly [PublicState, Phase]>;

const faceOf = ({ snapshot }: Actor) => PUBLIC[stateName(snapshot.value) as keyof typeof PUBLIC];

export const contextOf = <T>(actor: Actor): T => actor.snapshot.context as T;

const DAY_MS = 86_400_000;
const iso = (at: number) => new Date(at).toISOString();

export const costView = (costMt: number, chargedMt: number | null): CostView => ({
  tokens: costMt / 1000,
  millitokens: costMt,
  charged_millitokens: chargedMt,
});

export const cancelView = (terms: CancelTerms, startedAt: number | null): CancelView => ({
  free_s: terms.graceMs / 1000,
  free_until: startedAt === null ? null : iso(startedAt + terms.graceMs),
  millitokens_per_s: terms.secondMt,
  max_millitokens: terms.costMt,
  words: cancelWords(terms),
});

function receiptView(context: JobContext): ReceiptView {
  const { chargedMt, returnedMt, reason } = settlementOf(context);
  return {
    held_millitokens: context.spec.costMt,
    charged_millitokens: chargedMt,
    returned_millitokens: returnedMt,
    reason,
  };
}

/** Place and estimate come from the dispatcher, which alone knows the queue. */
export type Outlook = Pick<JobView, 'position' | 'eta'>;
export const NO_OUTLOOK: Outlook = { position: null, eta: null };

export function jobView(actor: Actor, outlook: Outlook = NO_OUTLOOK): JobView {
  const { spec, run } = contextOf<JobContext>(actor);
  const [state, phase] = faceOf(actor);
  return {
    id: spec.id,
    object: 'job',
    state,
    phase,
    modality: spec.modality,
    model: spec.model,
    prompt: spec.said?.prompt ?? spec.prompt,
    ...(spec.said && { style: spec.said.style, styled_prompt: spec.prompt }),
    params: { ...spec.params },
    count: spec.count,
    ...outlook,
    cost: costView(spec.costMt, run.chargedMt),
    attempt: run.attempt,
    cancellable: actor.snapshot.hasTag('cancellable'),
    cancel: actor.snapshot.hasTag('cancellable')
      ? cancelView(cancelTermsOf({ spec, run }), run.startedAt)
      : null,
    receipt: run.finishedAt === null ? null : receiptView({ spec, run }),
    outputs: shownOutputs(state, run).map((output, n) => ({
      n,
      url: `/v1/jobs/${spec.id}/outputs/${n}`,
      media_type: output.mediaType,
      bytes: output.bytes,
      ...(output.width === undefined ? {} : { width: output.width }),
      ...(output.height === undefined ? {} : { height: output.height }),
      ...(output.seconds === undefined ? {} : { seconds: output.seconds }),
      facts: output.facts,
    })),
    failure: run.failure && {
      code: run.failure.code,
      message: run.failure.message || FAILURES[run.failure.code].sentence,
    },
    origin: spec.origin,
    created_at: iso(run.submittedAt),
    started_at: run.startedAt === null ? null : iso(run.startedAt),
    finished_at: run.finishedAt === null ? null : iso(run.finishedAt),
    deadline_at: iso(run.submittedAt + spec.deadlineMs),
    kept_until: run.finishedAt === null ? null : iso(run.finishedAt + run.filesKeptDays * DAY_MS),
  };
}

/** What was made and may not be shown is as if it did not exist. */
const shownOutputs = (state: PublicState, { outputs }: JobContext['run']) =>
  state === 'refused' ? [] : outputs;

/**
 * The view, if what a client would notice changed between two committed states; else null. A new place in the line
 * is told, too: by it the dispatchers of other runtimes hear of that.
 */
export function publicChange(before: Actor | null, after: Actor): JobView | null {
  const face = (actor: Actor) => {
    const { place } = contextOf<JobContext>(actor).run;
    return [...faceOf(actor), place?.to, place?.at].join();
  };
  return before && face(before) === face(after) ? null : jobView(after);
}

function brakeView({ stopped, plan }: Balance, isLimited: boolean, allowances: Allowances) {
  const { graceMs, jobsMax } = brakeOf(stopped, isLimited, allowances[plan].jobsMax);
  return {
    stopped_today: stopped,
    cancel_free_s: graceMs / 1000,
    jobs_max: jobsMax,
    words: brakeWords(stopped, isLimited),
  };
}

/** Shows the day's grant even before the first event of the day has made it: clock and balance agree. */
export function accountView(
  accountId: string,
  quota: Actor | null,
  now: number,
  allowances: Allowances,
): AccountView {
  const context = quota && contextOf<QuotaContext>(quota);
  const { balance } = rollDay(context?.balance ?? emptyBalance('free'), now, allowances);
  const standing = quota
    ? (quota.snapshot.value as { standing: AccountView['standing'] }).standing
    : 'good';
  return {
    id: accountId,
    object: 'account',
    plan: balance.plan,
    standing,
    available_millitokens: availableMt(balance),
    allowance_millitokens: balance.allowanceMt,
    top_up_millitokens: balance.topUpMt,
    held_millitokens: balance.heldMt,
    daily_grant_millitokens: allowances[balance.plan].dailyMt,
    resets_at: iso(nextReset(now)),
    brake: brakeView(balance, standing === 'limited', allowances),
    files_going: null,
  };
}
