// Chance from one seed. Every part of the world splits a generator of its own off by name, so that a draw
// more in one place does not shift all the others.

/** Finalizer of MurmurHash3: every bit of the input moves every bit of the result. */
function mix(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

const fold = (start: number, text: string): number => {
  let bits = start;
  for (let index = 0; index < text.length; index++)
    bits = Math.imul(bits ^ text.charCodeAt(index), 0x0100_0193);
  return mix(bits);
};

export class Random {
  #counter: number;
  readonly #key: number;

  constructor(key: number) {
    this.#key = mix(key);
    this.#counter = this.#key;
  }

  /** An independent generator; the same name gives the same one. */
  split(name: string): Random {
    return new Random(fold(this.#key, name));
  }

  /** 0 <= x < 1 */
  next(): number {
    this.#counter = (this.#counter + 0x9e37_79b9) | 0;
    return mix(this.#counter ^ Math.imul(this.#key, 0x27d4_eb2d)) / 2 ** 32;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  /** Whole, both ends included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.next() * items.length)]!;
  }

  /** As likely between 1 and 10 as between 10 and 100. */
  logarithmic(low: number, high: number): number {
    return Math.exp(this.between(Math.log(low), Math.log(high)));
  }

  /** The pause to the next event of a process without memory. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }

  letters(count: number): string {
    return this.#text(count, 32);
  }

  hex(count: number): string {
    return this.#text(count, 16);
  }

  #text(count: number, base: number): string {
    let text = '';
    for (let n = 0; n < count; n++) text += ALPHABET[Math.floor(this.next() * base)];
    return text;
  }
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
