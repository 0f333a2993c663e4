// The lines that ask the same of a worker, and beside them the figures of each line's first job, side by side
// in memory: with thousands of lines, a decision looks at these and then at the few lines that matter.
import { growthOf } from '../machines/scheduling/policy.ts';
import type * as waiting from '../machines/scheduling/waiting.ts';
import type { Line } from './queue.ts';

const SIZE_MIN = 8;

export class Stock implements waiting.Stock {
  readonly model: string;
  readonly failedOn: readonly string[];
  readonly #byKey = new Map<string, Line>();
  readonly #places = new Map<Line, number>();
  readonly #lines: Line[] = [];
  #worth = new Float64Array(SIZE_MIN);
  #growth = new Float64Array(SIZE_MIN);
  #turnAt = new Float64Array(SIZE_MIN);

  constructor({ model, failedOn }: Pick<waiting.WaitingJob, 'model' | 'failedOn'>) {
    this.model = model;
    this.failedOn = failedOn;
  }

  get lines(): readonly Line[] {
    return this.#lines;
  }

  get firsts(): waiting.Firsts {
    return {
      ...{ lines: this.#lines, worth: this.#worth, growth: this.#growth, turnAt: this.#turnAt },
    };
  }

  get(key: string): Line | undefined {
    return this.#byKey.get(key);
  }

  /** The line is new, or what is first in it may be another job, or have its turn at another time. */
  note(key: string, line: Line): void {
    const [ticket] = line.tickets;
    if (!ticket) return this.#close(key, line);
    const at = this.#places.get(line) ?? this.#open(key, line);
    this.#worth[at] = ticket.worth;
    this.#growth[at] = growthOf(ticket.worth, line.plan);
    this.#turnAt[at] = ticket.ownTurnAt;
  }

  #open(key: string, line: Line): number {
    const at = this.#lines.push(line) - 1;
    this.#byKey.set(key, line);
    this.#places.set(line, at);
    if (at < this.#worth.length) return at;
    this.#worth = twice(this.#worth);
    this.#growth = twice(this.#growth);
    this.#turnAt = twice(this.#turnAt);
    return at;
  }

  /** The last one takes its place. */
  #close(key: string, line: Line): void {
    const at = this.#places.get(line);
    if (at === undefined) return;
    const last = this.#lines.pop()!;
    if (last !== line) {
      const from = this.#lines.length;
      this.#lines[at] = last;
      this.#places.set(last, at);
      for (const column of [this.#worth, this.#growth, this.#turnAt]) column[at] = column[from]!;
    }
    this.#places.delete(line);
    this.#byKey.delete(key);
  }
}

function twice(column: Float64Array): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * column.length);
  larger.set(column);
  return larger;
}
