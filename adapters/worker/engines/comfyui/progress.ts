// How far a run is, over all nodes of its graph. ComfyUI tells only of the node at work; nodes that are reused
// from before count as not there, and a sampler counts as many times as it has steps.
import type { NodeProgress } from './events.ts';
import type { Graph } from './workflow.ts';

export interface RunProgress {
  readonly fraction: number;
  readonly step?: number;
  readonly steps?: number;
}

/** Loading a model takes a while and is never told. */
const LOADER_WEIGHT = 3;
/** Until the sampler itself says how many steps it has. */
const SAMPLER_WEIGHT = 20;

export function createProgress(graph: Graph) {
  const weights = new Map(
    Object.entries(graph).map(([id, { class_type }]) => [id, weightOf(class_type)]),
  );
  const done = new Map<string, number>();
  let fraction = 0;
  let steps: { step: number; steps: number } | undefined;

  const now = (): RunProgress => {
    const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
    const reached = [...done].reduce((sum, [id, part]) => sum + part * (weights.get(id) ?? 0), 0);
    // The last part is the way of the result from there to here.
    fraction = Math.max(fraction, total === 0 ? 0 : Math.min(0.99, reached / total));
    return { fraction, ...steps };
  };

  return {
    now,
    cached: (nodes: readonly string[]) => {
      for (const node of nodes) weights.delete(node);
    },
    /** What ran before it has ended: nodes run one after the other. */
    executing: (node: string) => {
      for (const [id, part] of done) if (id !== node && part < 1) done.set(id, 1);
      if (weights.has(node)) done.set(node, done.get(node) ?? 0);
    },
    progressed: (nodes: readonly NodeProgress[]) => {
      for (const { node, value, max, isDone } of nodes) {
        if (!weights.has(node)) continue;
        if (max > 1) {
          weights.set(node, max);
          if (!isDone) steps = { step: Math.round(value), steps: Math.round(max) };
        }
        const part = isDone ? 1 : max > 0 ? Math.min(1, value / max) : 0;
        done.set(node, Math.max(part, done.get(node) ?? 0));
      }
    },
  };
}

const weightOf = (classType: string) =>
  /sampler/i.test(classType) && !/select/i.test(classType)
    ? SAMPLER_WEIGHT
    : /loader/i.test(classType)
      ? LOADER_WEIGHT
      : 1;
