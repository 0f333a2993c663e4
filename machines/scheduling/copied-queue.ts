// The queue as it would become: a copy that a forecast can play with while the real one stays as it is.
import type { Plan } from '../contract/events.ts';
import { Usage } from './usage.ts';
import type { Line, Stock, Ticket, WaitingJob, WaitingQueue } from './waiting.ts';

/** Lines of one stock and plan that are copied: a decision among more would come out the same. */
const LINES_MAX = 64;

interface CopiedTicket extends Ticket {
  readonly aheadMs: number;
}

interface CopiedLine extends Line {
  readonly tickets: CopiedTicket[];
}

interface CopiedStock extends Stock {
  readonly lines: Set<CopiedLine>;
}

export class CopiedQueue implements WaitingQueue {
  readonly #original: WaitingQueue;
  readonly #stocks = new Set<CopiedStock>();
  readonly #places = new Map<string, { readonly stock: CopiedStock; readonly line: CopiedLine }>();
  readonly #usage = new Usage();
  readonly #takenMs = new Map<string, number>();
  readonly #lastTurns = new Map<string, number>();
  takes: number;
  /** Lines that may lead to a decision, and so what one costs. */
  lineCount = 0;
  /** Not copied: they come after all others. */
  readonly rest: WaitingJob[] = [];

  constructor(original: WaitingQueue) {
    this.#original = original;
    this.takes = original.takes;
    for (const stock of original.stocks) this.#copy(stock);
  }

  get size(): number {
    return this.#places.size;
  }

  get stocks(): Iterable<Stock> {
    return this.#stocks;
  }

  get jobs(): Iterable<WaitingJob> {
    return this.#stocks
      .values()
      .flatMap(({ lines }) => lines.values())
      .flatMap(({ tickets }) => tickets.values())
      .map(({ job }) => job);
  }

  servedMs(accountId: string, now: number): number {
    return this.#original.servedMs(accountId, now) + this.#usage.of(accountId, now);
  }

  #copy({ model, failedOn, lines }: Stock): void {
    const stock: CopiedStock = { model, failedOn, lines: new Set() };
    for (const all of Map.groupBy(lines, ({ plan }) => plan).values()) {
      // Who has asked first is served first, by and large.
      const first = (line: Line) => line.tickets[0]?.ownTurnAt ?? Infinity;
      const sorted = all.length > LINES_MAX ? all.toSorted((a, b) => first(a) - first(b)) : all;
      for (const line of sorted.slice(0, LINES_MAX)) this.#copyLine(stock, line);
      for (const { tickets } of sorted.slice(LINES_MAX))
        for (const { job } of tickets) this.rest.push(job);
    }
    if (stock.lines.size > 0) this.#stocks.add(stock);
  }

  #copyLine(stock: CopiedStock, original: Line): void {
    if (original.tickets.length === 0) return;
    const { accountId, plan } = original;
    const lastTurns = this.#lastTurns;
    const line: CopiedLine = {
      ...{ accountId, plan },
      tickets: original.tickets.map((ticket, at) => ({
        ...{ ...ticket, aheadMs: original.aheadMs(original.tickets[at]!) },
      })),
      get lastTurn() {
        return lastTurns.get(accountId) ?? original.lastTurn;
      },
      aheadMs: (ticket) =>
        Math.max(0, (ticket as CopiedTicket).aheadMs - (this.#takenMs.get(accountId) ?? 0)),
    };
    for (const { job } of line.tickets) this.#places.set(job.id, { stock, line });
    stock.lines.add(line);
    this.lineCount += 1;
  }

  take({ id, accountId, runMs }: WaitingJob): void {
    const { stock, line } = this.#places.get(id)!;
    this.#places.delete(id);
    line.tickets.splice(
      line.tickets.findIndex(({ job }) => job.id === id),
      1,
    );
    this.takes += 1;
    this.#lastTurns.set(accountId, this.takes);
    this.#takenMs.set(accountId, (this.#takenMs.get(accountId) ?? 0) + runMs);
    if (line.tickets.length > 0) return;
    stock.lines.delete(line);
    this.lineCount -= 1;
    if (stock.lines.size === 0) this.#stocks.delete(stock);
  }

  noteUsage(accountId: string, ms: number, at: number): void {
    this.#usage.note(accountId, ms, at);
  }
}

export const PLANS_ABOVE = {
  pro: [],
  starter: ['pro'],
  free: ['pro', 'starter'],
} as const satisfies Record<Plan, readonly Plan[]>;

/** The order in which work is taken, by and large: the higher plan first, then who has waited longest. */
export const byPlanAndAge = (a: WaitingJob, b: WaitingJob): number =>
  PLANS_ABOVE[a.plan].length - PLANS_ABOVE[b.plan].length || a.queuedAt - b.queuedAt;
