// What an operator's pins leave of a worker: with a model that has to stay in memory, others may not fit any more.
import type { WorkerOffer } from '../machines/contract/events.ts';
import type { ModelOffer } from '../machines/contract/models.ts';

/** Is there room for the model beside what is pinned? The agent would otherwise refuse to load it. */
export function hasRoomBeside(
  pinned: readonly string[],
  model: Pick<ModelOffer, 'id' | 'vramBytes'>,
  { gpu, models }: Pick<WorkerOffer, 'gpu' | 'models'>,
): boolean {
  const stay = models.filter(({ id }) => pinned.includes(id) && id !== model.id);
  if (stay.length === 0 || pinned.includes(model.id)) return true;
  const sizes = [...stay, model].map(({ vramBytes }) => vramBytes);
  // As the agent sees it: on a card of unknown size, and for a model of unknown size, there is one at a time.
  if (!gpu?.vramBytes || sizes.includes(0)) return false;
  return sizes.reduce((sum, bytes) => sum + bytes, 0) <= gpu.vramBytes;
}
