// Chance from a seed: the same seed draws the same kills, prompts and pauses. (What the machine makes of
// them is its own affair: real processes are not deterministic.)
export interface Dice {
  /** From 0 up to 1. */
  next(): number;
  /** A whole number, both ends included. */
  whole(min: number, max: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** An independent row of throws: one more throw here shifts nothing there. */
  split(name: string): Dice;
}

export function dice(seed: number): Dice {
  let state = seed >>> 0;
  // Mulberry32: small, and good enough to choose whom to kill.
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const whole = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    whole,
    chance: (probability) => next() < probability,
    pick: (list) => {
      if (list.length === 0) throw new Error('There is nothing to pick from.');
      return list[whole(0, list.length - 1)]!;
    },
    split: (name) =>
      dice(
        [...name].reduce(
          (sum, c) => Math.imul(sum ^ c.charCodeAt(0), 16_777_619),
          seed ^ 0x811c9dc5,
        ),
      ),
  };
}
