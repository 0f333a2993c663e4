// The workers as last computed: what they have, hold and could do.
import type { Modality, ModelOffer } from '../machines/contract/models.ts';
import type { ModelView, StatusView } from '../machines/contract/views.ts';
import type { FleetWorker, ModelOnWorker } from '../machines/scheduling/policy.ts';
import type { WorkerContext } from '../machines/worker/context.ts';
import { stateName, type Actor } from './actor.ts';
import { modelViews, offersFor, type Known } from './catalogue.ts';
import { fitsCard, type KnownOffer } from './feasibility.ts';
import { hasRoomBeside } from './pins.ts';
import { contextOf } from './views.ts';

interface Member {
  readonly actor: Actor;
  readonly models: ReadonlyMap<string, ModelOnWorker>;
}

export interface Place {
  readonly slots: number;
  readonly isLoaded: boolean;
  readonly isBusy: boolean;
  readonly loadMs: number;
  readonly busyMs: number;
}

export class Fleet {
  readonly #members = new Map<string, Member>();

  get(id: string): Actor | null {
    return this.#members.get(id)?.actor ?? null;
  }

  set(actor: Actor): void {
    const old = this.#members.get(actor.ref.id);
    if (old && old.actor.revision > actor.revision) return;
    const { offer, run } = contextOf<WorkerContext>(actor);
    const was = old && contextOf<WorkerContext>(old.actor);
    const sameModels = was?.offer === offer && was.run.pinned === run.pinned;
    this.#members.set(actor.ref.id, {
      actor,
      models:
        old && sameModels
          ? old.models
          : new Map(
              offer.models
                .filter((model) => fitsCard({ offer: model, gpu: offer.gpu }))
                .filter((model) => hasRoomBeside(run.pinned, model, offer))
                .map(({ id, loadMs }) => [id, { loadMs, pace: 1, batchMax: 1, batchCost: 1 }]),
            ),
    });
  }

  /** Back to how it was before turns that will not be committed. */
  restore(id: string, actor: Actor | null): void {
    this.#members.delete(id);
    if (actor) this.set(actor);
  }

  /**
   * Workers with a free slot, as the policy wants to see them.
   * @param isConnected what is known of a worker's socket beyond what was last committed
   */
  available(isConnected: (id: string, runtime: string) => boolean): FleetWorker[] {
    const fleet: FleetWorker[] = [];
    for (const { actor, models } of this.#members.values()) {
      if (!actor.snapshot.hasTag('available')) continue;
      const { offer, run } = contextOf<WorkerContext>(actor);
      if (run.runtime === '' || !isConnected(actor.ref.id, run.runtime)) continue;
      const busy = Object.keys(run.slots).length;
      if (busy >= offer.slots) continue;
      fleet.push({
        id: actor.ref.id,
        epoch: run.epoch,
        freeSlots: offer.slots - busy,
        models,
        loaded: run.loaded,
        loading: run.loading,
        busy: busy > 0,
        freeAt: 0,
        running: Object.entries(run.slots).map(([job, { accountId, model }]) => ({
          ...{ job, accountId, model, runMs: this.runMs(model) },
        })),
        pinned: run.pinned,
      });
    }
    return fleet;
  }

  get #contexts(): Known[] {
    return [...this.#members.values()].map(({ actor }) => ({
      actor,
      context: contextOf<WorkerContext>(actor),
    }));
  }

  offersFor(modality: Modality, model: string | null): KnownOffer[] {
    return offersFor(this.#contexts, modality, model);
  }

  /** Could one worker be asked for both models? Then jobs of the two wait for each other. */
  shareWorker(one: string, other: string): boolean {
    for (const { models } of this.#members.values())
      if (models.has(one) && models.has(other)) return true;
    return one === other;
  }

  /** Typical time of one standard output, as the worker declared it. */
  runMs(model: string): number {
    return this.#offer(model)?.runMs ?? 0;
  }

  /** Where a job of the model would run: the connected worker that is readiest for it. */
  placeFor(model: string): Place | null {
    const places = this.#contexts
      .filter(({ actor }) => actor.snapshot.hasTag('available'))
      .filter(({ context }) => context.offer.models.some(({ id }) => id === model))
      .map(({ context: { offer, run } }) => ({
        slots: offer.slots,
        isLoaded: run.loaded.includes(model),
        isBusy: Object.keys(run.slots).length >= offer.slots,
        loadMs: this.#offer(model)?.loadMs ?? 0,
        // Half of a typical run of what it works on: nobody knows how far that is.
        busyMs:
          Object.values(run.slots).reduce((sum, slot) => sum + this.runMs(slot.model) / 2, 0) /
          offer.slots,
      }));
    return (
      places.sort(
        (a, b) => Number(a.isBusy) - Number(b.isBusy) || Number(b.isLoaded) - Number(a.isLoaded),
      )[0] ?? null
    );
  }

  #offer(model: string): ModelOffer | undefined {
    for (const { context } of this.#contexts) {
      const offer = context.offer.models.find(({ id }) => id === model);
      if (offer) return offer;
    }
    return undefined;
  }

  models(): Omit<ModelView, 'allowed_for'>[] {
    return modelViews(this.#contexts);
  }

  /** Who has the model, and takes work or is being drained. */
  whoHas(model: string): { readonly id: string; readonly isDraining: boolean }[] {
    return this.#contexts
      .filter(({ context }) => context.offer.models.some(({ id }) => id === model))
      .map(({ actor, context: { run } }) => ({
        id: actor.ref.id,
        isHere: actor.snapshot.hasTag('available') && run.runtime !== '',
        isDraining: stateName(actor.snapshot.value) === 'draining' && run.runtime !== '',
      }))
      .filter(({ isHere, isDraining }) => isHere || isDraining);
  }

  get workers(): Actor[] {
    return [...this.#members.values()].map(({ actor }) => actor);
  }

  views(): StatusView['workers'] {
    return this.#contexts.map(({ actor, context: { offer, run } }) => ({
      name: offer.name,
      state: stateName(actor.snapshot.value),
      gpu: offer.gpu?.name ?? null,
      loaded: [...run.loaded],
      loading: run.loading,
      slots: offer.slots,
      busy: Object.keys(run.slots).length,
    }));
  }
}
