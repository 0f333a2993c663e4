// The waiting jobs as the policy sees them: one line per person, plan and model, so that a decision looks
// at heads and not at every job. What does not change while a job waits is computed when it comes.
import type { Plan } from '../machines/contract/events.ts';
import { worthOf } from '../machines/scheduling/policy.ts';
import { Usage } from '../machines/scheduling/usage.ts';
import type * as waiting from '../machines/scheduling/waiting.ts';
import type { WaitingJob, WaitingQueue } from '../machines/scheduling/waiting.ts';
import { Stock } from './stock.ts';
import { Backlog } from './backlog.ts';

type Place = Pick<WaitingJob, 'queuedAt' | 'id'>;

interface Ticket extends waiting.Ticket {
  ownTurnAt: number;
  /** Run time of the person's jobs in front of it; only differences count. */
  frontMs: number;
}

const isBefore = (a: Place, b: Place): boolean =>
  a.queuedAt < b.queuedAt || (a.queuedAt === b.queuedAt && a.id < b.id);

const stockKeyOf = ({ model, failedOn }: WaitingJob): string => [model, ...failedOn].join(' ');

const endOf = ({ ownTurnAt, job }: Ticket): number => ownTurnAt + job.runMs;

/** Tickets in the order of asking, whatever order they come in. */
class Row {
  readonly tickets: Ticket[] = [];

  get size(): number {
    return this.tickets.length;
  }

  /** How many are in front of that place; found by halving. */
  before(place: Place): number {
    const last = this.tickets.at(-1);
    if (!last || isBefore(last.job, place)) return this.tickets.length;
    let [low, high] = [0, this.tickets.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(this.tickets[middle]!.job, place)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  insert(ticket: Ticket): number {
    const at = this.before(ticket.job);
    this.tickets.splice(at, 0, ticket);
    return at;
  }

  delete(ticket: Ticket): number {
    const at = this.before(ticket.job);
    if (at === 0) this.tickets.shift();
    else this.tickets.splice(at, 1);
    return at;
  }
}

/** All waiting jobs of one person. */
class Person extends Row {
  readonly lines = new Set<Line>();
  /** When all that workers took would have ended on a card of the person's own. */
  #takenUntil = 0;
  lastTurn = 0;

  join(ticket: Ticket): void {
    const at = this.insert(ticket);
    const [front, behind] = [this.tickets[at - 1], this.tickets[at + 1]];
    const frontEnd = front ? endOf(front) : 0;
    const since = Math.max(ticket.job.queuedAt, frontEnd);
    // One that comes back takes its old place: what was taken since then came after it.
    ticket.ownTurnAt = behind ? since : Math.max(since, this.#takenUntil);
    if (front) ticket.frontMs = front.frontMs + front.job.runMs;
    else if (behind) ticket.frontMs = behind.frontMs - ticket.job.runMs;
    if (front && behind) this.#shift(at + 1, ticket.job.runMs);
  }

  leave(ticket: Ticket, isTaken: boolean): void {
    const at = this.delete(ticket);
    if (at > 0) this.#shift(at, -ticket.job.runMs);
    if (isTaken) this.#takenUntil = Math.max(this.#takenUntil, endOf(ticket));
    else this.#moveUp(at);
  }

  #shift(from: number, ms: number): void {
    for (let at = from; at < this.tickets.length; at += 1) this.tickets[at]!.frontMs += ms;
  }

  /** A job was called off: those behind it have their turn earlier. */
  #moveUp(from: number): void {
    for (let at = from; at < this.tickets.length; at += 1) {
      const [ticket, front] = [this.tickets[at]!, this.tickets[at - 1]];
      const turnAt = Math.max(ticket.job.queuedAt, front ? endOf(front) : 0);
      ticket.ownTurnAt = Math.min(ticket.ownTurnAt, turnAt);
    }
    for (const line of this.lines) line.note();
  }

  aheadMs(ticket: Ticket): number {
    return ticket.frontMs - this.tickets[0]!.frontMs;
  }

  /** With nothing waiting and the last turn over, there is nothing to remember. */
  isOver(now: number): boolean {
    return this.size === 0 && this.#takenUntil <= now;
  }
}

export class Line extends Row implements waiting.Line {
  readonly key: string;
  readonly stock: Stock;
  readonly accountId: string;
  readonly model: string;
  readonly plan: Plan;
  readonly #person: Person;
  /** Sum of the jobs' work, in standard outputs. */
  work = 0;

  constructor(key: string, stock: Stock, { accountId, model, plan }: WaitingJob, person: Person) {
    super();
    this.key = key;
    this.stock = stock;
    this.accountId = accountId;
    this.model = model;
    this.plan = plan;
    this.#person = person;
  }

  join(ticket: Ticket): void {
    this.insert(ticket);
    this.work += ticket.job.work;
    this.#person.lines.add(this);
    this.note();
  }

  leave(ticket: Ticket): void {
    this.delete(ticket);
    this.work -= ticket.job.work;
    if (this.size === 0) this.#person.lines.delete(this);
    this.note();
  }

  /** Tells the stock what is first in it. */
  note(): void {
    this.stock.note(this.key, this);
  }

  get lastTurn(): number {
    return this.#person.lastTurn;
  }

  aheadMs(ticket: Ticket): number {
    return this.#person.aheadMs(ticket);
  }
}

interface Entry {
  readonly ticket: Ticket;
  readonly person: Person;
  readonly line: Line;
}

/** People remembered before the first look for those that need not be. */
const PEOPLE_MIN = 1_000;

export class Queue implements WaitingQueue {
  readonly usage = new Usage();
  readonly backlog = new Backlog();
  readonly #entries = new Map<string, Entry>();
  readonly #people = new Map<string, Person>();
  readonly #stocks = new Map<string, Stock>();
  #peopleMax = PEOPLE_MIN;
  #takes = 0;

  get size(): number {
    return this.#entries.size;
  }

  get takes(): number {
    return this.#takes;
  }

  get peopleKnown(): number {
    return this.#people.size;
  }

  get stocks(): Iterable<Stock> {
    return this.#stocks.values();
  }

  get lines(): Line[] {
    return [...this.#stocks.values()].flatMap(({ lines }) => lines);
  }

  get jobs(): Iterable<WaitingJob> {
    return this.#entries.values().map(({ ticket }) => ticket.job);
  }

  get(id: string): WaitingJob | undefined {
    return this.#entries.get(id)?.ticket.job;
  }

  servedMs(accountId: string, now: number): number {
    return this.usage.of(accountId, now);
  }

  set(job: WaitingJob): void {
    this.remove(job.id);
    const person = this.#person(job);
    const stock = this.#stock(job);
    // One that goes before all others does not wait for those its person asked for earlier.
    const lineKey = [job.plan, job.accountId, ...(job.isFirst ? ['first'] : [])].join(' ');
    const line = stock.get(lineKey) ?? new Line(lineKey, stock, job, person);
    const ticket: Ticket = {
      ...{ job, worth: worthOf(job), ownTurnAt: 0, frontMs: 0, since: this.#takes },
    };
    person.join(ticket);
    line.join(ticket);
    this.backlog.add(job);
    this.#entries.set(job.id, { ticket, person, line });
  }

  /** It waits no longer, and nobody is to run it. */
  remove(id: string): void {
    this.#leave(id, false);
  }

  /** A worker has it: the person's later jobs go on counting from its end. */
  take(id: string): void {
    this.#leave(id, true);
  }

  #leave(id: string, isTaken: boolean): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    const { ticket, person, line } = entry;
    this.#entries.delete(id);
    this.backlog.remove(ticket.job);
    // First the line: what is first in it then is what the person's turns are counted for.
    line.leave(ticket);
    person.leave(ticket, isTaken);
    if (isTaken) person.lastTurn = this.#takes += 1;
    if (line.stock.lines.length === 0) this.#stocks.delete(stockKeyOf(ticket.job));
  }

  #stock(job: WaitingJob): Stock {
    const key = stockKeyOf(job);
    const stock = this.#stocks.get(key) ?? new Stock(job);
    this.#stocks.set(key, stock);
    return stock;
  }

  #person({ accountId, queuedAt }: WaitingJob): Person {
    const known = this.#people.get(accountId);
    if (known) return known;
    if (this.#people.size >= this.#peopleMax) this.#forgetPeople(queuedAt);
    const person = new Person();
    this.#people.set(accountId, person);
    return person;
  }

  #forgetPeople(now: number): void {
    for (const [accountId, person] of this.#people)
      if (person.isOver(now)) this.#people.delete(accountId);
    this.#peopleMax = Math.max(PEOPLE_MIN, 2 * this.#people.size);
  }
}
