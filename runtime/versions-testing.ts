// A deploy that raises every version, for tests and the simulation: the charts are those of today, so that
// whatever goes wrong is the deploy's fault. Old runtimes have `REGISTRY`, new ones have this.
import { activeAfters } from './upcast.ts';
import type { Actor } from './actor.ts';
import { REGISTRY, type Charts, type Registry, type Upcast } from './versions.ts';

const same: Upcast = (stored) => stored;

/** One version up: accounts and workers are brought forward, jobs that are under way keep their chart. */
export function raised(registry: Registry = REGISTRY): Registry {
  const up = (charts: Charts): Charts => {
    const { current, pinned } = charts;
    return {
      ...charts,
      current: { ...current, version: current.version + 1 },
      ...(pinned ? { pinned: [...pinned, current] } : {}),
      upcasts: { ...charts.upcasts, [current.version]: same },
    };
  };
  const { job, worker, quota, subscription } = registry;
  return { job: up(job), worker: up(worker), quota: up(quota), subscription: up(subscription) };
}

/** The timers of `after` that the actor's states ask for, and those it has: to be equal (I12). */
export const aftersOf = ({ snapshot, timers }: Actor) => ({
  wanted:
    snapshot.status === 'done'
      ? []
      : activeAfters(snapshot)
          .map(({ eventType }) => eventType)
          .sort(),
  armed: Object.keys(timers)
    .filter((name) => name.startsWith('xstate.after.'))
    .sort(),
});
