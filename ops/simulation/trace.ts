// What happened, as a hash (two runs of a seed must agree on it) and, when asked for, as lines to read.

export class Trace {
  #one = 0x811c_9dc5;
  #two = 0x9747_b28c;
  readonly lines: string[] = [];
  readonly #isKept: boolean;

  constructor(isKept: boolean) {
    this.#isKept = isKept;
  }

  get hash(): string {
    const hex = (bits: number) => (bits >>> 0).toString(16).padStart(8, '0');
    return hex(this.#one) + hex(this.#two);
  }

  note(at: number, who: string, what: string): void {
    this.#mix(Math.round(at * 1000) % 2 ** 31);
    this.#text(who);
    this.#text(what);
  }

  #text(text: string): void {
    for (let index = 0; index < text.length; index++) this.#mix(text.charCodeAt(index));
    this.#mix(0);
  }

  #mix(value: number): void {
    this.#one = Math.imul(this.#one ^ value, 0x0100_0193);
    this.#two = Math.imul(this.#two ^ value, 0x5bd1_e995) ^ (this.#two >>> 15);
  }

  /** For people: one line of the story. `mark` is `!` for a fault, `*` for the books. */
  tell(at: number, who: string, what: () => string, mark = ' '): void {
    if (!this.#isKept) return;
    const time = new Date(at).toISOString().slice(5, 23).replace('T', ' ');
    this.lines.push(`${time} ${mark} ${who.padEnd(12)} ${what()}`);
  }
}
