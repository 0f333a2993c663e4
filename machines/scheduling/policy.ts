// Which job runs next, and where. Pure: (queue, fleet, now) -> decisions, each with its reason.
//
// A free GPU goes to the model that brings the most per second of its time, loading included. What a job
// brings grows with its tier and with how late it is, and shrinks with what its person got lately.
import type { Plan } from '../contract/events.ts';
import { gotMsBy, inTurn, pilesOf, type Head, type Pile } from './heads.ts';
import { inTier } from './passed.ts';
import { headsFor, mayStart, occupy, seatsOf, type Offer, type Seat } from './seats.ts';
import type { Decision, FleetWorker, Line, Ticket, WaitingJob, WaitingQueue } from './waiting.ts';
import { decisionOf } from './why.ts';

export type * from './waiting.ts';

/** What a job of one second brings while nothing of it is late: a tier goes before the next. */
export const TIER_WEIGHT = { pro: 100, starter: 16, free: 1 } as const satisfies Record<
  Plan,
  number
>;
/** Late by this much, a job brings twice as much, and so on without end: nobody starves. */
export const PATIENCE_MS = {
  pro: 60_000,
  starter: 600_000,
  free: 400_000,
} as const satisfies Record<Plan, number>;
/** Between 0 (short jobs before all) and 1 (length does not matter): a video is not put off for ever. */
const LENGTH_EXPONENT = 0.6;
/** A job of no length at all would bring infinitely much per second. */
const RUN_MS_MIN = 2_000;
/** Who got this much of the GPU counts half, and is heavy beside who got none; what a card gives in ten minutes. */
const FAIR_SHARE_MS = 600_000;
/** A load costs its time, soon the same again for what it drove out, and the risk of going back and forth. */
const LOAD_FACTOR = 2.3;
/** Jobs of a model that may share a load: later ones would be overtaken before their turn. */
const LOOK_AHEAD = 16;
/** How much longer a batch may grow than its further jobs alone would be worth. */
const BATCH_BONUS = 2;
/** What another worker could do for the model instead counts this much against doing it here. */
const REGRET = 0.6;
/** A worker that comes free this late counts half as an alternative. */
const ALTERNATIVE_MS = 90_000;
/** An operator's word outweighs any wait. */
const FIRST_FACTOR = 1e9;

const lengthOf = (job: WaitingJob): number => Math.max(RUN_MS_MIN, job.runMs);

/** The part of a job's rate that does not change while it waits: computed once, when it comes. */
export const worthOf = (job: WaitingJob): number =>
  TIER_WEIGHT[job.plan] *
  (lengthOf(job) / 1_000) ** (LENGTH_EXPONENT - 1) *
  (job.isFirst ? FIRST_FACTOR : 1);

/** What a job brings per second of running. */
const rateOf = ({ worth }: Ticket, plan: Plan, lateMs: number, servedMs: number): number =>
  (worth * (1 + lateMs / PATIENCE_MS[plan])) / (1 + servedMs / FAIR_SHARE_MS);

/** By how much more a job brings with each millisecond that it is late. */
export const growthOf = (worth: number, plan: Plan): number => worth / PATIENCE_MS[plan];

function offerOf(
  seat: Seat,
  model: string,
  piles: readonly Pile[],
  seats: readonly Seat[],
  withIt: readonly Seat[],
  now: number,
): Offer | null {
  const cost = seat.models.get(model);
  if (!cost) return null;
  const heads = headsFor(seat, piles, seats);
  const isThere = seat.loading === model || seat.loaded.includes(model);
  const loadMs = isThere ? 0 : cost.loadMs;
  if (!heads[0] || loadMs === Infinity) return null;
  let timeMs = loadMs * LOAD_FACTOR;
  const firstMs = lengthOf(heads[0].job) * cost.pace;
  // Others soon done with a job of the model would have gone on with it while this one loads it too.
  for (const { freeAt } of loadMs > 0 ? withIt : [])
    if (freeAt - now < timeMs + firstMs) timeMs += firstMs;
  let [value, index, behind] = [0, 0, 0];
  for (const { rate, job } of heads) {
    value += rate * lengthOf(job);
    timeMs += lengthOf(job) * cost.pace;
    if (value / timeMs <= index || behind === LOOK_AHEAD) break;
    index = value / timeMs;
    behind += 1;
  }
  return { model, heads, index, loadMs, behind };
}

/** What the best of the other workers would bring with the model; less, the longer it is not free. */
class Alternatives {
  #best = 0;
  #second = 0;
  #bestSeat: Seat | null = null;

  constructor(model: string, seats: readonly Seat[], now: number) {
    for (const seat of seats) {
      const waitMs = Math.max(0, seat.freeAt - now);
      const index = (seat.offers.get(model)?.index ?? 0) / (1 + waitMs / ALTERNATIVE_MS);
      if (index > this.#best) {
        [this.#second, this.#best, this.#bestSeat] = [this.#best, index, seat];
      } else if (index > this.#second) this.#second = index;
    }
  }

  to(seat: Seat): number {
    return seat === this.#bestSeat ? this.#second : this.#best;
  }
}

interface Choice {
  readonly seat: Seat;
  readonly offer: Offer;
  readonly score: number;
}

/** What the worker could do, best first. */
function choicesOf(seat: Seat, alternatives: ReadonlyMap<string, Alternatives>): Choice[] {
  const choices: Choice[] = [];
  for (const offer of seat.offers.values()) {
    if (!mayStart(seat, offer.model)) continue;
    const isFirst = offer.heads[0]!.job.isFirst;
    const regret = isFirst ? 0 : REGRET * alternatives.get(offer.model)!.to(seat);
    choices.push({ seat, offer, score: offer.index - regret });
  }
  return choices.sort((a, b) => b.score - a.score);
}

/** The first job, and those of its key that bring more in its engine call than what comes next. */
function batchOf({ seat, offer }: Choice, next: Choice | undefined): [Head, ...Head[]] {
  const { pace, batchMax, batchCost } = seat.models.get(offer.model)!;
  const [first, ...others] = offer.heads as [Head, ...Head[]];
  const batch: [Head, ...Head[]] = [first];
  for (const head of others) {
    if (batch.length >= batchMax || first.job.batchKey === null) break;
    if ((BATCH_BONUS * head.rate) / (pace * batchCost) < (next?.offer.index ?? 0)) break;
    if (head.job.batchKey === first.job.batchKey) batch.push(head);
  }
  return batch;
}

export function decide(
  queue: WaitingQueue,
  fleet: readonly FleetWorker[],
  now: number,
): Decision[] {
  const decisions: Decision[] = [];
  const slots = fleet.reduce((sum, { freeSlots }) => sum + freeSlots, 0);
  if (queue.size === 0 || slots === 0) return decisions;
  const gotMs = gotMsBy(queue, fleet, now);
  const piles = pilesOf(queue, gotMs, now, LOOK_AHEAD + slots, rateOf);
  const seats = seatsOf(fleet);
  const lastTurns = new Map<string, number>();
  const taken = new Set<string>();
  const lastTurn = (line: Line) => lastTurns.get(line.accountId) ?? line.lastTurn;
  const order = (pile: Pile) => {
    pile.heads = inTurn(pile, lastTurn);
  };
  const refresh = (model: string) => {
    const withIt = seats.filter(({ underWay }) => underWay.includes(model));
    for (const seat of seats) {
      const offer = offerOf(seat, model, piles.get(model)!, seats, withIt, now);
      if (offer) seat.offers.set(model, offer);
      else seat.offers.delete(model);
    }
  };
  for (const pile of [...piles.values()].flat()) order(pile);
  for (const model of piles.keys()) refresh(model);
  for (;;) {
    const alternatives = new Map<string, Alternatives>();
    for (const model of piles.keys()) alternatives.set(model, new Alternatives(model, seats, now));
    let best: Choice[] = [];
    for (const seat of seats) {
      const choices = seat.freeSlots > 0 ? choicesOf(seat, alternatives) : [];
      if (choices[0] && (!best[0] || choices[0].score > best[0].score)) best = choices;
    }
    const [wanted, next] = best;
    if (!wanted) return decisions;
    const turns = { now, gotMs, lastTurn, taken, heavyMs: FAIR_SHARE_MS };
    const { seat } = wanted;
    const offer = inTier(wanted, seats, piles, turns);
    const choice = { ...best.find((other) => other.offer.model === offer.model)!, offer };
    const other = offer === wanted.offer ? next : wanted;
    const batch = batchOf(choice, other);
    decisions.push(decisionOf(choice, other, batch, now));
    occupy(seat, offer, lengthOf(batch[0].job) * seat.models.get(offer.model)!.pace, now);
    for (const { line, job } of batch) {
      lastTurns.set(line.accountId, queue.takes + decisions.length);
      taken.add(job.id);
    }
    for (const pile of piles.get(offer.model)!) {
      const isLeft = ({ job }: Head) => !batch.some((taken) => taken.job === job);
      [pile.heads, pile.fronts] = [pile.heads.filter(isLeft), pile.fronts.filter(isLeft)];
      order(pile);
    }
    refresh(offer.model);
  }
}
