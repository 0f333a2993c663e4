// The workers as the decisions made so far leave them, and what may join the work they have.
import type { Head, Pile } from './heads.ts';
import type { FleetWorker } from './waiting.ts';

/** What a worker would bring with the best jobs of a model. */
export interface Offer {
  readonly model: string;
  /** Best first. */
  readonly heads: readonly Head[];
  /** Per second of its time, the load included. */
  readonly index: number;
  readonly loadMs: number;
  /** Jobs that share the load. */
  readonly behind: number;
}

export interface Seat extends FleetWorker {
  readonly worker: FleetWorker;
  readonly offers: Map<string, Offer>;
  /** Models that it runs or loads. */
  readonly underWay: string[];
  freeSlots: number;
  loading: string | null;
  busy: boolean;
  freeAt: number;
}

export const seatsOf = (fleet: readonly FleetWorker[]): Seat[] =>
  fleet.map((worker) => {
    const underWay = worker.running.map(({ model }) => model);
    if (worker.loading !== null) underWay.push(worker.loading);
    return { ...worker, worker, underWay, offers: new Map() };
  });

/** With work under way, only what needs no load, or waits for the same load, may join. */
export const mayStart = (seat: Seat, model: string): boolean =>
  seat.freeSlots > 0 &&
  (seat.loading === null ? !seat.busy || seat.loaded.includes(model) : seat.loading === model);

export function occupy(seat: Seat, { model, loadMs }: Offer, runMs: number, now: number): void {
  seat.freeSlots -= 1;
  seat.busy = true;
  if (loadMs > 0) seat.loading = model;
  seat.underWay.push(model);
  seat.freeAt = Math.max(seat.freeAt, now) + loadMs + runMs;
}

/** What failed on a worker is left to the others, while there are such. */
export function pilesFor(
  seat: Seat,
  piles: readonly Pile[],
  seats: readonly Seat[],
): readonly Pile[] {
  return piles.filter(
    ({ stock: { model, failedOn } }) =>
      !failedOn.includes(seat.id) ||
      !seats.some(({ id, models }) => models.has(model) && !failedOn.includes(id)),
  );
}

export function headsFor(
  seat: Seat,
  piles: readonly Pile[],
  seats: readonly Seat[],
): readonly Head[] {
  const [only, more] = piles;
  if (only && !more && only.stock.failedOn.length === 0) return only.heads;
  const heads = pilesFor(seat, piles, seats).flatMap((pile) => pile.heads);
  return heads.sort((a, b) => b.rate - a.rate);
}
