// The best jobs of each stock, as far as a decision looks: what the policy weighs against each other.
import type { Plan } from '../contract/events.ts';
import type { FleetWorker, Line, Stock, Ticket, WaitingJob, WaitingQueue } from './waiting.ts';

export interface Head {
  readonly job: WaitingJob;
  readonly line: Line;
  readonly since: number;
  /** GPU time of its person, lately and under way. */
  readonly personMs: number;
  readonly lateMs: number;
  readonly servedMs: number;
  /** What it brings per second of running. */
  readonly rate: number;
}

/** Best first. */
export interface Pile {
  readonly stock: Stock;
  heads: readonly Head[];
  /** The first jobs of the best lines, so that many jobs of one person hide nobody. */
  fronts: readonly Head[];
}

/** What a job brings per second of running. */
type RateOf = (ticket: Ticket, plan: Plan, lateMs: number, servedMs: number) => number;

/** GPU time of a person, lately and under way. */
export type GotMs = (accountId: string) => number;

export function gotMsBy(queue: WaitingQueue, fleet: readonly FleetWorker[], now: number): GotMs {
  const running = new Map<string, number>();
  for (const worker of fleet)
    for (const { accountId, runMs } of worker.running)
      running.set(accountId, (running.get(accountId) ?? 0) + runMs);
  return (accountId) => queue.servedMs(accountId, now) + (running.get(accountId) ?? 0);
}

/** The `count` best jobs of every stock, by model. */
export function pilesOf(
  queue: WaitingQueue,
  gotMs: GotMs,
  now: number,
  count: number,
  rateOf: RateOf,
): Map<string, Pile[]> {
  const piles = new Map<string, Pile[]>();
  for (const stock of queue.stocks) {
    const heads: Head[] = [];
    const fronts: Head[] = [];
    const enough = (of: readonly Head[]) => of[count - 1]?.rate ?? -Infinity;
    for (const line of promising(stock, now, rateOf, () => enough(fronts))) {
      const personMs = gotMs(line.accountId);
      // A job never counts more than the one in front of it: a line is served in the order of asking.
      let rate = Infinity;
      for (const ticket of line.tickets) {
        const lateMs = lateness(ticket, now);
        const servedMs = personMs + line.aheadMs(ticket);
        rate = Math.min(rate, rateOf(ticket, line.plan, lateMs, servedMs));
        const { job, since } = ticket;
        const head = { job, line, since, personMs, lateMs, servedMs, rate };
        if (ticket === line.tickets[0]) insert(head, fronts, count);
        if (rate <= enough(heads)) break;
        insert(head, heads, count);
      }
    }
    piles.set(stock.model, [...(piles.get(stock.model) ?? []), { stock, heads, fronts }]);
  }
  return piles;
}

/**
 * Nobody has a second turn before one who got less, of the same plan, and waits since before the first: that one
 * changes places with them. So between two turns of a person at most one call of somebody who got more is made.
 */
export function inTurn({ heads, fronts }: Pile, lastTurn: (line: Line) => number): readonly Head[] {
  const first = heads[0];
  if (!first || first.job.isFirst) return heads;
  const goesBefore = (head: Head, other: Head): boolean => {
    const turn = lastTurn(head.line);
    const wasPassed = turn > 0 && Math.max(turn, head.since) < lastTurn(other.line);
    return wasPassed && head.personMs < other.personMs && head.line.plan === other.line.plan;
  };
  let best = first;
  for (const head of [...fronts, ...heads]) if (goesBefore(head, best)) best = head;
  if (best === first) return heads;
  const others = heads.filter(({ job }) => job !== best.job);
  return [{ ...best, rate: first.rate }, ...others];
}

/** Lines whose first job would bring enough if its person had got nothing: seen soon, and true of few. */
function* promising(stock: Stock, now: number, rateOf: RateOf, enough: () => number) {
  if (stock.firsts) {
    const { lines, worth, growth, turnAt } = stock.firsts;
    for (let at = 0; at < lines.length; at += 1)
      if (worth[at]! + growth[at]! * Math.max(0, now - turnAt[at]!) > enough()) yield lines[at]!;
    return;
  }
  for (const line of stock.lines) {
    const [first] = line.tickets;
    if (first && rateOf(first, line.plan, lateness(first, now), 0) > enough()) yield line;
  }
}

export const lateness = ({ ownTurnAt }: Ticket, now: number): number =>
  Math.max(0, now - ownTurnAt);

function insert(head: Head, heads: Head[], count: number): void {
  let at = heads.length;
  while (at > 0 && heads[at - 1]!.rate < head.rate) at -= 1;
  heads.splice(at, 0, head);
  if (heads.length > count) heads.pop();
}
