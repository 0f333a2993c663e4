// Why a job waits, in words: "2 ahead, loading Flux". How long is told apart.
import type { Expectation } from './eta.ts';
import type { FleetWorker } from './waiting.ts';

export const NO_WORKER = 'no worker with this model is connected';

const aheadOf = (position: number, own: number): string | null => {
  if (position === 0) return null;
  if (own === 0) return `${position} ahead`;
  if (own === position) return `${position} ahead, ${own === 1 ? 'your own' : 'all your own'}`;
  return `${position} ahead, ${own} of them your own`;
};

/** What those workers are at that could run it. */
function workOf(able: readonly FleetWorker[], nameOf: (model: string) => string): string | null {
  if (able.some(({ freeSlots, loading }) => freeSlots > 0 && loading === null)) return null;
  const [first] = able;
  if (able.length > 1 || !first) return 'all workers are busy';
  if (first.loading !== null) return `loading ${nameOf(first.loading)}`;
  const models = [...new Set(first.running.map(({ model }) => nameOf(model)))];
  return models.length === 0 ? 'the worker is busy' : `running ${models.join(' and ')}`;
}

/** @param able the workers that could run it, at least one */
export function reasonOf(
  { position, own, turn: { job, loadMs } }: Expectation,
  able: readonly FleetWorker[],
  nameOf: (model: string) => string,
): string {
  const name = nameOf(job.model);
  const isUnderWay = able.some(({ loading }) => loading === job.model);
  const words = [
    aheadOf(position, own),
    workOf(able, nameOf),
    loadMs > 0 && !isUnderWay ? `${name} has to be loaded` : null,
  ].filter((word) => word !== null);
  return words.join(', ') || 'next';
}
