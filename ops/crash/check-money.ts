// What became of the tokens: the ledger against itself, against the jobs, and against each quota.
import type { ActorRow, Evidence, LegRow } from './evidence.ts';
import { groupBy, jobsOf, type JobContext } from './check-jobs.ts';

interface QuotaContext {
  readonly balance: {
    readonly allowanceMt: number;
    readonly topUpMt: number;
    readonly heldMt: number;
    readonly holds: Readonly<Record<string, unknown>>;
    readonly posting: number;
  };
}

const OWN_BOOKS = ['allowance', 'topUp', 'held'] as const;
const sum = (legs: readonly LegRow[]): number =>
  legs.reduce((total, leg) => total + leg.amountMt, 0);

const legsByAccount = ({ ledger }: Evidence) => groupBy(ledger, ({ account }) => account);

/** I2: two legs or more, summing to zero, in whole millitokens; numbered 1, 2, 3 per account. */
export function postingsAreSound(evidence: Evidence): string[] {
  return [...legsByAccount(evidence)].flatMap(([account, legs]) => {
    const postings = groupBy(legs, ({ posting }) => String(posting));
    const wrong = [...postings].flatMap(([posting, own]) => {
      const isSound =
        own.length >= 2 &&
        sum(own) === 0 &&
        own.every(({ amountMt }) => Number.isInteger(amountMt));
      return isSound
        ? []
        : [`posting ${posting} of ${account} has ${own.length} legs, sum ${sum(own)}`];
    });
    const missing = Array.from({ length: postings.size }, (_, n) => String(n + 1)).filter(
      (number) => !postings.has(number),
    );
    return [...wrong, ...missing.map((number) => `${account} has no posting ${number}`)];
  });
}

/** I1, I3: running balances are prefix sums, never below zero, and end where the quota's snapshot is. */
export function balancesAreExact(evidence: Evidence): string[] {
  const byAccount = legsByAccount(evidence);
  const quotas = evidence.actors.filter(({ kind }) => kind === 'quota');
  return quotas.flatMap((quota) => {
    const legs = [...(byAccount.get(quota.account) ?? [])].sort((a, b) => a.posting - b.posting);
    return OWN_BOOKS.flatMap((book) => {
      let balance = 0;
      for (const leg of legs.filter((each) => each.book === book)) {
        balance += leg.amountMt;
        if (leg.balanceMt !== balance || balance < 0)
          return [
            `${quota.account} ${book}: posting ${leg.posting} says ${leg.balanceMt}, sum ${balance}`,
          ];
      }
      const kept = balanceOf(quota)[`${book}Mt`];
      return kept === balance
        ? []
        : [`${quota.account} ${book}: snapshot ${kept}, ledger ${balance}`];
    });
  });
}

const balanceOf = (quota: ActorRow): QuotaContext['balance'] =>
  (quota.context as QuotaContext).balance;

/** The last posting of the ledger is the one the snapshot names, and nothing stays on hold. */
export function nothingStaysHeld(evidence: Evidence): string[] {
  const byAccount = legsByAccount(evidence);
  return evidence.actors
    .filter(({ kind }) => kind === 'quota')
    .flatMap((quota) => {
      const { holds, heldMt, posting } = balanceOf(quota);
      const last = Math.max(0, ...(byAccount.get(quota.account) ?? []).map((leg) => leg.posting));
      return [
        ...Object.keys(holds).map((job) => `${quota.account} still holds tokens for ${job}`),
        ...(heldMt === 0 ? [] : [`${quota.account} holds ${heldMt} for nobody`]),
        ...(last === posting
          ? []
          : [`${quota.account} is at posting ${posting}, the ledger at ${last}`]),
      ];
    });
}

/** I4: one hold, one closing. Charged when it succeeded, or when a person stopped its run; else wholly given back. */
export function everyJobIsSettledOnce(evidence: Evidence): string[] {
  const byJob = groupBy(
    evidence.ledger.filter(({ job }) => job !== null),
    ({ job }) => job!,
  );
  const jobs = jobsOf(evidence);
  const known = new Set(jobs.map(({ id }) => id));
  const foreign = [...byJob.keys()].filter((job) => !known.has(job));
  return [
    ...foreign.map((job) => `the ledger knows ${job}, which is not there`),
    ...jobs.flatMap((job) => settledOnce(job, byJob.get(job.id) ?? [])),
  ];
}

/** All of it is due but for less than was asked; of a stopped run, what it says, which is never more. */
function dueOf(state: string, costMt: number, chargedMt: number): number {
  if (state === 'succeeded') return Math.min(costMt, Math.max(1, chargedMt));
  return state === 'cancelled' ? Math.min(costMt, Math.max(0, chargedMt)) : 0;
}

function settledOnce({ id, state, context }: ActorRow, legs: readonly LegRow[]): string[] {
  const { spec, run } = context as JobContext;
  const held = legs.filter(({ book }) => book === 'held');
  const spentMt = sum(legs.filter(({ book }) => book === 'system:spent'));
  const dueMt = dueOf(state, spec.costMt, run.chargedMt ?? 0);
  const complaints: string[] = [];
  const holds = held.filter(({ amountMt }) => amountMt > 0);
  const closings = held.filter(({ amountMt }) => amountMt < 0);
  if (holds.length !== 1 || sum(holds) !== spec.costMt)
    complaints.push(`${id} was held ${holds.length} times, ${sum(holds)} of ${spec.costMt}`);
  if (closings.length !== 1 || sum(closings) !== -spec.costMt)
    complaints.push(
      `${id} was closed ${closings.length} times, ${-sum(closings)} of ${spec.costMt}`,
    );
  if (spentMt !== dueMt)
    complaints.push(`${id} is ${state} and was charged ${spentMt}, not ${dueMt}`);
  if (run.chargedMt !== dueMt)
    complaints.push(`${id} says it was charged ${run.chargedMt}, not ${dueMt}`);
  return complaints;
}
