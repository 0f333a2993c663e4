// Planted bugs in whose turn it is.
import type { PlantedBug } from './bugs.ts';

export const BUGS_OF_SCHEDULING: readonly PlantedBug[] = [
  {
    name: 'the oldest is passed over for ever',
    file: 'runtime/queue.ts',
    find: '  a.queuedAt < b.queuedAt || (a.queuedAt === b.queuedAt && a.id < b.id);',
    replace: '  a.queuedAt > b.queuedAt || (a.queuedAt === b.queuedAt && a.id < b.id);',
    breaks: 'S1 order of asking',
    why: 'the latest of a line goes first',
  },
  {
    name: "a person's fifty jobs go first",
    file: 'machines/scheduling/policy.ts',
    find: '/ (1 + servedMs / FAIR_SHARE_MS);',
    replace: '* (1 + servedMs / 1_000);',
    breaks: 'S1 order of asking',
    why: 'who got and wants much counts more, not less',
  },
  {
    name: 'a drained worker is given work',
    file: 'machines/worker/machine.ts',
    find: "        entry: 'orderDrain',\n        on: {\n",
    replace:
      "        tags: ['online', 'available'],\n        entry: 'orderDrain',\n        on: {\n          'slot.claimed': [{ guard: 'canClaim', actions: 'claim' }, { actions: 'refuseClaim' }],\n",
    breaks: 'S3 kept back',
    why: 'it would never be done with what it has',
  },
  {
    name: 'a pause is forgotten',
    file: 'runtime/pauses.ts',
    find: '[this.#all, this.#keys] = [all, keys];',
    replace: '[this.#all, this.#keys] = [all.slice(0, 0), new Set()];',
    breaks: 'S3 kept back',
    why: 'read, and not kept',
  },
  {
    name: 'who comes last goes first',
    file: 'machines/scheduling/policy.ts',
    find: '(worth * (1 + lateMs / PATIENCE_MS[plan]))',
    replace: '(worth / (1 + lateMs / 1_000))',
    breaks: 'S1 order of asking',
    why: 'a wait counts against whoever waits',
  },
  {
    name: 'a model is never loaded',
    file: 'machines/scheduling/policy.ts',
    find: 'if (!heads[0] || loadMs === Infinity) return null;',
    replace: 'if (!heads[0] || loadMs > 0) return null;',
    breaks: 'S4 idle hands',
    why: 'whoever is idle waits for work that fits its memory',
  },
];
