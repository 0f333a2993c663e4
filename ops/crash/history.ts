// What the outside saw, in the order in which it was seen. Written by customers and subscribers, judged
// by the checker; nothing in here comes from the database.
import { appendFileSync } from 'node:fs';

export type Seen =
  /** A job was promised: from here on it must never be lost. */
  | { what: 'acknowledged'; account: string; key: string; job: string; state: string }
  /** Turned down for good: the key must have made no job. */
  | { what: 'refused'; account: string; key: string; code: string }
  /** No answer, or one that says nothing: the same key is sent again. */
  | { what: 'doubt'; account: string; key: string; why: string }
  /** A job's state as somebody read it; `seq` when it came by the stream. */
  | { what: 'state'; account: string; job: string; state: string; seq: number | null }
  | { what: 'cancelAsked'; account: string; job: string; state: string };

/** One line of an engine's own diary. */
export interface EngineLine {
  readonly worker: string;
  readonly pid: number;
  readonly what: 'begin' | 'end';
  readonly job: string;
  readonly attempt: number;
  /** Runs under way in this engine, this one counted. */
  readonly running: number;
  readonly slots: number;
}

export const TERMINAL: ReadonlySet<string> = new Set([
  'succeeded',
  'failed',
  'cancelled',
  'expired',
  'refused',
]);

export class History {
  readonly seen: Seen[] = [];
  readonly #file: string;
  readonly #promised = new Set<string>();
  readonly #ended = new Set<string>();

  constructor(file: string) {
    this.#file = file;
  }

  note(seen: Seen): void {
    this.seen.push(seen);
    if (seen.what === 'acknowledged') this.#promised.add(seen.job);
    if ('job' in seen && TERMINAL.has(seen.state)) this.#ended.add(seen.job);
    appendFileSync(this.#file, `${JSON.stringify({ at: Date.now(), ...seen })}\n`);
  }

  /** Jobs that were acknowledged so far. */
  get promised(): number {
    return this.#promised.size;
  }

  /** Jobs that were seen to have ended. */
  get ended(): number {
    return this.#ended.size;
  }
}
