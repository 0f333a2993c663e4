// What a reader of a stream is told, and when it cannot be told any more.
import { refuse } from '../problems.ts';

export const begunAnew = () =>
  refuse('job_failed', 'The text was begun anew after a part of it had left. Ask again.');

/**
 * Text on its way to a reader, piece by piece, each once and in order. What the line lost comes from the whole at
 * the end; a text that was begun anew by another attempt cannot be taken back, and is an error.
 */
export class Told {
  readonly #send: (piece: string) => void;
  readonly #early = new Map<number, string>();
  #next = 0;
  #sent = '';
  #isBroken = false;

  constructor(send: (piece: string) => void) {
    this.#send = send;
  }

  /** @param index of the piece, from 0 without gaps within an attempt */
  add(index: number, piece: string): void {
    if (this.#isBroken || index < this.#next) {
      // Repeated after a reconnect, or the first piece of another attempt.
      this.#isBroken ||= index === 0 && !this.#sent.startsWith(piece);
      return;
    }
    this.#early.set(index, piece);
    for (
      let next = this.#early.get(this.#next);
      next !== undefined;
      next = this.#early.get(this.#next)
    ) {
      this.#early.delete(this.#next);
      this.#next += 1;
      this.#tell(next);
    }
  }

  /** @returns false when what was told is not how the whole begins */
  end(whole: string): boolean {
    if (!whole.startsWith(this.#sent)) return false;
    this.#tell(whole.slice(this.#sent.length));
    return true;
  }

  #tell(piece: string): void {
    if (piece === '') return;
    this.#sent += piece;
    this.#send(piece);
  }
}
