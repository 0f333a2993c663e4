// One worker as last computed, and as the policy wants to see it: what each model costs there, what it has to
// do, and when that should be done.
import type { ModelOffer } from '../machines/contract/models.ts';
import type { FleetWorker, ModelOnWorker } from '../machines/scheduling/policy.ts';
import type { Times } from '../machines/scheduling/times.ts';
import { callsIn, type WorkerContext } from '../machines/worker/context.ts';
import type { Actor } from './actor.ts';
import { fitsCard } from './feasibility.ts';
import { hasRoomBeside } from './pins.ts';
import type { UnderWay } from './under-way.ts';
import { contextOf } from './views.ts';

/** What is learned changes little by little: it need not be looked up for each decision. */
const COSTS_FOR_MS = 1_000;

interface Seams {
  readonly times: Times;
  readonly underWay: UnderWay;
  readonly now: () => number;
}

export class Workplace {
  readonly actor: Actor;
  readonly context: WorkerContext;
  readonly #seams: Seams;
  /** Models that have room on its card, beside what is pinned. */
  readonly #offers: readonly ModelOffer[];
  readonly #loadingSince: number;
  #costs: ReadonlyMap<string, ModelOnWorker> = new Map();
  #costsAt = -Infinity;

  constructor(actor: Actor, before: Workplace | null, seams: Seams) {
    this.actor = actor;
    this.context = contextOf<WorkerContext>(actor);
    this.#seams = seams;
    const { offer, run } = this.context;
    const was = before?.context;
    // Read anew, or changed by another event: its models are the same, and making a list of them takes long.
    const isSame = before?.actor.revision === actor.revision;
    const hasSameModels = isSame || (was?.offer === offer && was.run.pinned === run.pinned);
    if (before && hasSameModels) {
      this.#offers = before.#offers;
      this.#costs = before.#costs;
      this.#costsAt = before.#costsAt;
    } else {
      this.#offers = offer.models
        .filter((model) => fitsCard({ offer: model, gpu: offer.gpu }))
        .filter((model) => hasRoomBeside(run.pinned, model, offer));
      seams.times.noteOffer(actor.ref.id, offer.models);
    }
    this.#loadingSince =
      before && was?.run.loading === run.loading ? before.#loadingSince : seams.now();
  }

  /** Has a socket as far as its chart knows, and takes work. */
  get isAvailable(): boolean {
    return this.actor.snapshot.hasTag('available') && this.context.run.runtime !== '';
  }

  get freeSlots(): number {
    const { offer, run } = this.context;
    return Math.max(0, offer.slots - callsIn(run.slots));
  }

  /** What each model costs here, as far as it is known. */
  get models(): ReadonlyMap<string, ModelOnWorker> {
    const { times, now } = this.#seams;
    const at = now();
    if (at - this.#costsAt < COSTS_FOR_MS) return this.#costs;
    const learned = times.abilities(this.actor.ref.id);
    this.#costs = new Map(
      this.#offers.map(({ id, loadMs, batch }): [string, ModelOnWorker] => {
        const { loadMs: usualMs, pace } = learned.get(id) ?? { loadMs, pace: 1 };
        return [
          id,
          { loadMs: usualMs, pace, batchMax: batch?.max ?? 1, batchCost: batch?.cost ?? 1 },
        ];
      }),
    );
    this.#costsAt = at;
    return this.#costs;
  }

  /** As the policy sees it. */
  get view(): FleetWorker {
    const { offer, run } = this.context;
    const { underWay, times, now } = this.#seams;
    const { id } = this.actor.ref;
    const at = now();
    const loadEnd =
      run.loading === null
        ? at
        : Math.max(at, this.#loadingSince + (this.models.get(run.loading)?.loadMs ?? 0));
    let freeAt = loadEnd;
    const running = Object.entries(run.slots).map(([job, { accountId, model, attempt }]) => {
      const known = underWay.of(job);
      const isThis = known?.worker === id && known.attempt === attempt;
      // Its job has given it up, or has not been heard of: something usual.
      const usualMs = isThis ? 0 : times.runMs(id, model, 1).median;
      const { callMs, ownMs, startedAt } = isThis
        ? known
        : { callMs: usualMs, ownMs: usualMs, startedAt: null };
      freeAt = Math.max(freeAt, (startedAt ?? loadEnd) + callMs);
      return { job, accountId, model, runMs: ownMs };
    });
    return {
      ...{ id, epoch: run.epoch, freeSlots: this.freeSlots, models: this.models },
      ...{ loaded: run.loaded, loading: run.loading, busy: running.length > 0 },
      ...{ freeAt, running, pinned: run.pinned, slots: offer.slots },
    };
  }
}
