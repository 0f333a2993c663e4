// The workers as last computed: what they have, hold and could do.
import type { Modality } from '../machines/contract/models.ts';
import type { ModelView, StatusView } from '../machines/contract/views.ts';
import type { JobContext } from '../machines/job/context.ts';
import type { FleetWorker } from '../machines/scheduling/policy.ts';
import type { Times } from '../machines/scheduling/times.ts';
import { stateName, type Actor } from './actor.ts';
import { modelViews, offersFor, type Known } from './catalogue.ts';
import type { KnownOffer } from './feasibility.ts';
import { hasRoomBeside } from './pins.ts';
import type { Lane } from './queue-bound.ts';
import { UnderWay } from './under-way.ts';
import { Workplace } from './workplace.ts';

type IsConnected = (workerId: string, runtime: string) => boolean;

interface Seams {
  readonly times: Times;
  readonly now: () => number;
}

export class Fleet {
  readonly #seams: Seams & { readonly underWay: UnderWay };
  readonly #members = new Map<string, Workplace>();

  constructor(seams: Seams) {
    this.#seams = { ...seams, underWay: new UnderWay(seams.times) };
  }

  get(id: string): Actor | null {
    return this.#members.get(id)?.actor ?? null;
  }

  set(actor: Actor): void {
    const { id } = actor.ref;
    const old = this.#members.get(id) ?? null;
    if (old && old.actor.revision > actor.revision) return;
    this.#members.set(id, new Workplace(actor, old, this.#seams));
  }

  /** Back to how it was before turns that will not be committed. */
  restore(id: string, actor: Actor | null): void {
    this.#members.delete(id);
    if (actor) this.set(actor);
  }

  /** What a worker is to do, or does: as its job tells it. */
  noteJob(job: JobContext): void {
    const { underWay } = this.#seams;
    if (!job.run.lease) return underWay.end(job.spec.id);
    const offers = this.#members.get(job.run.lease.worker)?.context.offer.models;
    const offer = offers?.find(({ id }) => id === job.spec.model);
    underWay.note(job, offer?.batch?.cost ?? 1);
  }

  #connected(isConnected: IsConnected): Workplace[] {
    return [...this.#members.values()].filter(
      ({ isAvailable, actor, context }) =>
        isAvailable && isConnected(actor.ref.id, context.run.runtime),
    );
  }

  /** @param isConnected what is known of a worker's socket beyond what was last committed */
  hasFreeSlot(isConnected: IsConnected): boolean {
    return this.#connected(isConnected).some(({ freeSlots }) => freeSlots > 0);
  }

  /** Workers that take work, with a free slot or without, as the policy wants to see them. */
  available(isConnected: IsConnected): FleetWorker[] {
    return this.#connected(isConnected).map(({ view }) => view);
  }

  get #contexts(): Known[] {
    return [...this.#members.values()];
  }

  offersFor(modality: Modality, model: string | null): KnownOffer[] {
    return offersFor(this.#contexts, modality, model);
  }

  get lanes(): Lane[] {
    return [...this.#members.values()].map(({ actor, models, context }) => ({
      models,
      slots: context.offer.slots,
      isHere: actor.snapshot.hasTag('available'),
    }));
  }

  /** What is still in memory when the worker has loaded the model, as far as sizes are known. */
  keeps({ id, loaded, pinned }: FleetWorker, model: string): readonly string[] {
    const offer = this.#members.get(id)?.context.offer;
    const loads = offer?.models.find((each) => each.id === model);
    const kept: string[] = pinned.filter((each) => loaded.includes(each));
    for (const each of loaded.toReversed())
      if (offer && loads && !kept.includes(each) && hasRoomBeside([...kept, each], loads, offer))
        kept.push(each);
    return kept;
  }

  /** As people know it. */
  nameOf(model: string): string {
    for (const { context } of this.#contexts) {
      const offer = context.offer.models.find(({ id }) => id === model);
      if (offer) return offer.name;
    }
    return model;
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
