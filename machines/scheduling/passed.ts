// Nobody heavy has a second turn before somebody of the same plan who waits, for whatever model it is.
import { lateness, type GotMs, type Head, type Pile } from './heads.ts';
import { mayStart, pilesFor, type Offer, type Seat } from './seats.ts';
import type { Line, Stock } from './waiting.ts';

interface Turns {
  readonly now: number;
  readonly gotMs: GotMs;
  readonly lastTurn: (line: Line) => number;
  /** Jobs given away since the queue was last told. */
  readonly taken: ReadonlySet<string>;
  /** Who got this much more than another is heavy beside them. */
  readonly heavyMs: number;
}

type Piles = ReadonlyMap<string, readonly Pile[]>;

/** What the worker turns to instead, where a second turn of a heavy person would pass somebody. */
export function inTier(
  { seat, offer }: { readonly seat: Seat; readonly offer: Offer },
  seats: readonly Seat[],
  piles: Piles,
  turns: Turns,
): Offer {
  const passed = passedBy(offer.heads[0]!, seat, seats, piles, turns);
  if (!passed) return offer;
  const instead = seat.offers.get(passed.job.model)!;
  const others = instead.heads.filter(({ job }) => job !== passed.job);
  return { ...instead, heads: [passed, ...others] };
}

/**
 * Of those who could start here now, have waited since before the last turn of the first one and had none since, and
 * got so much less: whose turn is longest ago. All lines are looked at, but only for who got that much.
 */
function passedBy(
  first: Head,
  seat: Seat,
  seats: readonly Seat[],
  piles: Piles,
  { now, gotMs, lastTurn, taken, heavyMs }: Turns,
): Head | null {
  const turn = lastTurn(first.line);
  const mostMs = first.personMs - heavyMs;
  if (turn === 0 || mostMs <= 0 || first.job.isFirst) return null;
  let [passed, oldest]: [Head | null, number] = [null, turn];
  for (const { lines } of stocksFor(seat, seats, piles))
    for (const line of lines) {
      const own = line.plan === first.line.plan ? lastTurn(line) : 0;
      if (own === 0 || own >= oldest) continue;
      const ticket = line.tickets.find(({ job }) => !taken.has(job.id));
      if (!ticket || ticket.since >= turn) continue;
      const personMs = gotMs(line.accountId);
      if (personMs >= mostMs) continue;
      oldest = own;
      const [lateMs, servedMs] = [lateness(ticket, now), personMs + line.aheadMs(ticket)];
      const { job, since } = ticket;
      passed = { ...{ job, line, since, personMs, lateMs, servedMs }, rate: first.rate };
    }
  return passed;
}

/** What may start on it now. */
const stocksFor = (seat: Seat, seats: readonly Seat[], piles: Piles): Stock[] =>
  [...seat.offers.keys()]
    .filter((model) => mayStart(seat, model))
    .flatMap((model) => pilesFor(seat, piles.get(model)!, seats))
    .map(({ stock }) => stock);
