// When will it be my turn? A forecast of the whole queue, made now and then, answers for every job; what
// forecasts cannot know (who comes meanwhile, how long runs truly take) is learned from how far off they were.
import { Arrivals } from './arrivals.ts';
import { Calibration } from './calibration.ts';
import { foretell, type Forecast, type Keeps, type Turn } from './forecast.ts';
import type { FleetWorker, WaitingJob, WaitingQueue } from './waiting.ts';

/** A line looked at costs so much, in milliseconds, and forecasts may take a fiftieth of the time. */
const PAUSE_PER_EFFORT_MS = 50 * 0.0002;
/** What was told is compared with what came; of more jobs than these it is not. */
const TOLD_MAX = 20_000;
/** Nobody minds two seconds, and no forecast knows them. */
export const RANGE_MIN_MS = 2_000;

/** From now until it starts, in milliseconds: eight of ten do between `low` and `high`. */
export interface Wait {
  readonly low: number;
  readonly middle: number;
  readonly high: number;
}

export interface Expectation {
  readonly wait: Wait;
  /** Jobs that start before it, on workers that could run it. */
  readonly position: number;
  /** Of these, those of the same person. */
  readonly own: number;
  readonly turn: Turn;
}

interface Told {
  readonly at: number;
  readonly foretoldMs: number;
}

export interface Scene {
  readonly queue: WaitingQueue;
  /** Busy workers too. */
  readonly fleet: readonly FleetWorker[];
  readonly keeps?: Keeps;
}

export class Eta {
  readonly calibration: Calibration;
  readonly #arrivals = new Arrivals();
  readonly #told = new Map<string, Told>();
  #forecast: Forecast = { at: -Infinity, turns: [], effort: 0 };
  #places = new Map<string, number>();
  #fleet: readonly FleetWorker[] = [];
  /** Of each turn, those before it of the same person. */
  #ownBefore = new Uint32Array();
  /** By model: how many turns up to each place may keep a job of the model waiting. */
  readonly #ahead = new Map<string, Uint32Array>();
  #slots = 1;

  /** @param calibration what earlier processes have learned, perhaps */
  constructor(calibration = new Calibration()) {
    this.calibration = calibration;
  }

  // --- what happens -------------------------------------------------------------------------------

  submitted({ plan, runMs }: Pick<WaitingJob, 'plan' | 'runMs'>, at: number): void {
    this.#arrivals.note(plan, runMs, at);
  }

  started({ id, plan }: Pick<WaitingJob, 'id' | 'plan'>, at: number): void {
    const told = this.#told.get(id);
    if (told) this.calibration.note(plan, told.foretoldMs, at - told.at);
    this.#told.delete(id);
  }

  /** It will not start, or not as foretold: nothing is to be learned from it. */
  ended(id: string): void {
    this.#told.delete(id);
  }

  // --- the forecast -------------------------------------------------------------------------------

  /** Another forecast would not yet be worth its cost. */
  isFresh(now: number): boolean {
    return now < this.#forecast.at + this.#forecast.effort * PAUSE_PER_EFFORT_MS;
  }

  foretell({ queue, fleet, keeps }: Scene, now: number): void {
    this.#forecast = foretell(queue, fleet, now, keeps);
    this.#places = new Map(this.#forecast.turns.map(({ job }, place) => [job.id, place]));
    this.#fleet = fleet;
    const counts = new Map<string, number>();
    this.#ownBefore = Uint32Array.from(this.#forecast.turns, ({ job: { accountId } }) => {
      const before = counts.get(accountId) ?? 0;
      counts.set(accountId, before + 1);
      return before;
    });
    this.#ahead.clear();
    this.#slots = fleet.reduce((sum, { slots = 1 }) => sum + slots, 0);
  }

  // --- what is asked ------------------------------------------------------------------------------

  /** Null: no worker could run it, or it came after the forecast. */
  of(id: string, now: number): Expectation | null {
    const place = this.#places.get(id);
    if (place === undefined) return null;
    const turn = this.#forecast.turns[place]!;
    const wait = this.#waitOf(turn, now, id);
    const position = this.#aheadOf(turn.job.model)[place]!;
    return { wait, position, own: Math.min(position, this.#ownBefore[place]!), turn };
  }

  /** A job that came after the forecast, or may come: as behind the last of its kind. */
  ifSubmitted(job: WaitingJob, now: number): Expectation | null {
    const able = this.#fleet.filter(({ models }) => models.has(job.model));
    if (able.length === 0) return null;
    const { turns } = this.#forecast;
    const kind = turns.findLastIndex(
      (turn) => turn.job.plan === job.plan && turn.job.model === job.model,
    );
    const plan = turns.findLastIndex((turn) => turn.job.plan === job.plan);
    const last = kind >= 0 ? kind : plan;
    const freeAt = Math.min(...able.map((worker) => (worker.freeSlots > 0 ? now : worker.freeAt)));
    const loadMs = Math.min(...able.map((worker) => loadMsOf(worker, job.model)));
    const behind = turns[last];
    const afterMs = behind ? behind.startAt + behind.job.runMs : now;
    const startAt = Math.max(freeAt, afterMs) + (kind >= 0 ? 0 : loadMs);
    const turn = { job, startAt, worker: able.length === 1 ? able[0]!.id : null, loadMs };
    const position = last < 0 ? 0 : this.#aheadOf(job.model)[last]! + 1;
    return { wait: this.#waitOf(turn, now, job.id), position, own: 0, turn };
  }

  #waitOf({ job, startAt }: Turn, now: number, id: string): Wait {
    const plainMs = Math.max(0, startAt - now);
    const foretoldMs = plainMs * (1 + this.#arrivals.load(job.plan, this.#slots, now));
    if (!this.#told.has(id) && id !== '' && this.#told.size < TOLD_MAX)
      this.#told.set(id, { at: now, foretoldMs });
    const { low, middle, high } = this.calibration.for(job.plan, foretoldMs);
    const middleMs = foretoldMs * middle;
    return {
      low: Math.max(0, Math.min(foretoldMs * low, middleMs - RANGE_MIN_MS)),
      middle: middleMs,
      high: Math.max(foretoldMs * high, middleMs + RANGE_MIN_MS),
    };
  }

  #aheadOf(model: string): Uint32Array {
    const known = this.#ahead.get(model);
    if (known) return known;
    const able = this.#fleet.filter(({ models }) => models.has(model));
    const ids = new Set(able.map(({ id }) => id));
    const shared = new Set(able.flatMap(({ models }) => [...models.keys()]));
    let count = 0;
    const ahead = Uint32Array.from(this.#forecast.turns, ({ worker, job }) => {
      const before = count;
      if (worker === null ? shared.has(job.model) : ids.has(worker)) count += 1;
      return before;
    });
    this.#ahead.set(model, ahead);
    return ahead;
  }
}

const loadMsOf = (worker: FleetWorker, model: string): number =>
  worker.loaded.includes(model) ? 0 : (worker.models.get(model)?.loadMs ?? Infinity);
