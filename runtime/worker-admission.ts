// How many workers may greet at once. After a restart they all come together, each with all that it offers and
// has; those beyond the limit are told when to come back, each at a moment of its own.

/** Each is a turn of one worker and a frame of up to a megabyte; the jobs of people go on beside them. */
const UNDER_WAY_MAX = 8;
/** Whose jobs wait for nothing but their hello: five seconds after the old socket they go to somebody else. */
const TIMES_FOR_BUSY = 4;
/** Long enough that those inside are through, short enough that nobody's job is given to another. */
const AWAY_MIN_MS = 300;
const AWAY_MAX_MS = 2_000;

export class WorkerAdmission {
  readonly #max: number;
  readonly #random: () => number;
  #underWay = 0;

  constructor(random: () => number, max = UNDER_WAY_MAX) {
    this.#random = random;
    this.#max = max;
  }

  /**
   * @param isBusy with attempts that it brings along
   * @returns null: come in, and `leave`; else how many milliseconds to stay away
   */
  enter(isBusy: boolean): number | null {
    if (this.#underWay >= (isBusy ? TIMES_FOR_BUSY : 1) * this.#max)
      return Math.round(AWAY_MIN_MS + this.#random() * (AWAY_MAX_MS - AWAY_MIN_MS));
    this.#underWay += 1;
    return null;
  }

  leave(): void {
    this.#underWay -= 1;
  }
}
