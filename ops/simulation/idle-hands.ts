// S4: once everything is well again, no worker stands idle while something waits that it could do. Looked at
// time and again, because nothing that happens says so.
import type { WorkerContext } from '../../machines/worker/context.ts';
import type { Fact } from './books.ts';
import type { Waiting } from './waiting-room.ts';
import type { World } from './world.ts';

/** Looks in a row, half a second apart: leases have passed on, and everybody has heard of everything. */
const LOOKS_MAX = 60;

export class IdleHands {
  readonly #world: World;
  /** By job: looks at which somebody could have done it, in a row. */
  readonly #looks = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  look(): void {
    const { books, auditor } = this.#world;
    const idle = [...books.workers.values()].filter(isIdle);
    const waiting = [...auditor.room.all];
    const seen = new Map(this.#looks);
    this.#looks.clear();
    for (const job of waiting) {
      const worker = idle.find((each) => this.#mayRun(each, job));
      if (!worker) continue;
      const looks = (seen.get(job.id) ?? 0) + 1;
      this.#looks.set(job.id, looks);
      this.#world.check(
        'S4 idle hands',
        looks < LOOKS_MAX,
        () => `${job.id} waits for ${job.model}; ${worker.ref.id} is idle and has it.`,
      );
    }
  }

  #mayRun({ ref, context: { offer } }: Fact<WorkerContext>, job: Waiting): boolean {
    if (!offer.models.some(({ id }) => id === job.model)) return false;
    if (this.#world.auditor.room.pausedSince(job, ref.id) !== null) return false;
    // What failed here is left to others, while there are such.
    return !job.failedOn.includes(ref.id);
  }
}

const isIdle = ({ state, context: { run } }: Fact<WorkerContext>): boolean =>
  state === 'idle' &&
  run.runtime !== '' &&
  run.loading === null &&
  Object.keys(run.slots).length === 0;
