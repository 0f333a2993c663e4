// Text is told in numbered pieces, and a channel may lose some. Who tells keeps them for a while; who hears
// notices a gap, asks again, and passes nothing on that has a hole in it, unless nobody answers.
import type { Ephemeral } from './live.ts';

export type TextFrame = Extract<Ephemeral, { type: 'text' }>;

const JOBS_MAX = 1_000;
const PIECES_MAX = 20_000;

/** Forgets what was used least recently. */
function keepNewest<T>(map: Map<string, T>, key: string, value: T, max: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= max) break;
    map.delete(oldest);
  }
}

export class ToldText {
  readonly #byJob = new Map<string, TextFrame[]>();
  #pieces = 0;

  add(frame: TextFrame): void {
    let pieces = this.#byJob.get(frame.job_id) ?? [];
    // Another attempt begins another text.
    if (frame.index === 0 && pieces[0] && pieces[0].text !== frame.text) {
      this.#pieces -= pieces.length;
      pieces = [];
    }
    // An agent that connects again tells all of it again.
    if (pieces[frame.index]) return;
    pieces[frame.index] = frame;
    this.#pieces += 1;
    keepNewest(this.#byJob, frame.job_id, pieces, JOBS_MAX);
    for (const [job, oldest] of this.#byJob) {
      if (this.#pieces <= PIECES_MAX || this.#byJob.size === 1) break;
      this.#byJob.delete(job);
      this.#pieces -= oldest.length;
    }
  }

  from(job: string, index: number): readonly TextFrame[] {
    return (this.#byJob.get(job) ?? []).slice(index).filter(Boolean);
  }
}

export class HeardText {
  /** By job: the piece that is next, and those that came too early. */
  readonly #byJob = new Map<
    string,
    { first: string | null; next: number; early: Map<number, TextFrame> }
  >();

  /** @returns what can be passed on, and from where on pieces are missing */
  add(frame: TextFrame): { readonly whole: readonly TextFrame[]; readonly missing: number | null } {
    const { job_id: job, index } = frame;
    const fresh = { first: null, next: 0, early: new Map<number, TextFrame>() };
    let heard = this.#byJob.get(job) ?? fresh;
    if (index === 0 && heard.first !== null && heard.first !== frame.text) heard = fresh;
    if (index === 0) heard.first = frame.text;
    keepNewest(this.#byJob, job, heard, JOBS_MAX);
    if (index >= heard.next) heard.early.set(index, frame);
    const whole: TextFrame[] = [];
    for (let piece = heard.early.get(heard.next); piece; piece = heard.early.get(heard.next)) {
      heard.early.delete(heard.next);
      heard.next += 1;
      whole.push(piece);
    }
    return { whole, missing: heard.early.size > 0 ? heard.next : null };
  }

  /** Nobody has what is missing: what came after it is passed on, and its numbers show the gap. */
  giveUp(job: string, missing: number): readonly TextFrame[] {
    const heard = this.#byJob.get(job);
    if (heard?.next !== missing) return [];
    const rest = [...heard.early.values()].sort((a, b) => a.index - b.index);
    heard.early.clear();
    heard.next = (rest.at(-1)?.index ?? missing - 1) + 1;
    return rest;
  }
}
