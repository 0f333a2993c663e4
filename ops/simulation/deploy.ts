// The code of the deploy that every seed goes through: a new version of every chart. Jobs go on with the one
// they began with; accounts and workers are brought forward.
import { REGISTRY, type AtRest, type Registry } from '../../runtime/versions.ts';

/** What the newer charts remember besides: enough to see that an actor was brought forward, once. */
const bringForward = (stored: AtRest): AtRest => ({
  ...stored,
  context: { ...(stored.context as object), broughtForward: true } as AtRest['context'],
});

export const OLDER = REGISTRY;

export const NEWER: Registry = {
  job: {
    ...REGISTRY.job,
    current: { ...REGISTRY.job.current, version: REGISTRY.job.current.version + 1 },
    pinned: [REGISTRY.job.current, ...(REGISTRY.job.pinned ?? [])],
  },
  worker: raised('worker'),
  quota: raised('quota'),
  subscription: raised('subscription'),
};

function raised(kind: 'worker' | 'quota' | 'subscription'): Registry['quota'] {
  const charts = REGISTRY[kind];
  const { version } = charts.current;
  return {
    ...charts,
    current: { ...charts.current, version: version + 1 },
    upcasts: { ...charts.upcasts, [version]: bringForward },
  };
}
