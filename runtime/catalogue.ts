// What all known workers offer, connected or away: what can be asked for, and what is shown of it.
import type { Modality } from '../machines/contract/models.ts';
import type { ModelView } from '../machines/contract/views.ts';
import type { WorkerContext } from '../machines/worker/context.ts';
import type { Actor } from './actor.ts';
import { fitsCard, formatsOf, type KnownOffer } from './feasibility.ts';

export interface Known {
  readonly actor: Actor;
  readonly context: WorkerContext;
}

type Status = ModelView['status'];
const RANK: Readonly<Record<Status, number>> = { ready: 0, loadable: 1, offline: 2 };
const BEHIND_ALL = Number.MAX_SAFE_INTEGER;

const statusOf = ({ actor, context }: Known, model: string): Status =>
  !actor.snapshot.hasTag('online')
    ? 'offline'
    : context.run.loaded.includes(model)
      ? 'ready'
      : 'loadable';

/**
 * The named model, or all of the modality, as each worker has it: first those in memory, then those online, then
 * the others. Behind them those that are too large for their worker's card, the largest card first.
 */
export function offersFor(
  workers: readonly Known[],
  modality: Modality,
  model: string | null,
): KnownOffer[] {
  const found: { readonly known: KnownOffer; readonly rank: number }[] = [];
  for (const worker of workers) {
    const { gpu, models } = worker.context.offer;
    for (const offer of models) {
      if (offer.modality !== modality || (model !== null && offer.id !== model)) continue;
      const known = { offer, gpu };
      const rank = fitsCard(known)
        ? RANK[statusOf(worker, offer.id)]
        : BEHIND_ALL - (gpu?.vramBytes ?? 0);
      found.push({ known, rank });
    }
  }
  return found.sort((a, b) => a.rank - b.rank).map(({ known }) => known);
}

/** Each model once, as it is readiest. Without who may use it: that is for the operator's rules to say. */
export function modelViews(workers: readonly Known[]): Omit<ModelView, 'allowed_for'>[] {
  const byId = new Map<string, Omit<ModelView, 'allowed_for'>>();
  for (const worker of workers) {
    const { gpu, models } = worker.context.offer;
    for (const offer of models) {
      if (!fitsCard({ offer, gpu })) continue;
      const status = statusOf(worker, offer.id);
      const seen = byId.get(offer.id);
      if (!seen || RANK[status] < RANK[seen.status]) byId.set(offer.id, modelView(offer, status));
    }
  }
  return [...byId.values()];
}

const modelView = (offer: KnownOffer['offer'], status: Status): Omit<ModelView, 'allowed_for'> => ({
  id: offer.id,
  object: 'model',
  created: 0,
  owned_by: offer.engine,
  name: offer.name,
  modality: offer.modality,
  description: offer.description,
  engine: offer.engine,
  status,
  limits: offer.limits,
  styles: offer.styles,
  voices: offer.voices,
  inputs: (offer.inputs ?? []).map(({ role, kind, isRequired }) => ({
    ...{ role, kind, required: isRequired },
  })),
  formats: [...formatsOf(offer)],
  loras: offer.loras ?? [],
  scales: offer.scales ?? [],
  vram_bytes: offer.vramBytes,
  load_ms: offer.loadMs,
});
