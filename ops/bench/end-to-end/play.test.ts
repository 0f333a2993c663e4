// A short trace through the real runtime: what the card does is what it has to do, and it waits for nobody.
import { expect, test } from 'vitest';
import { Random } from '../../simulation/random.ts';
import { measured } from './measured.ts';
import { play } from './play.ts';
import type { Trace, TracedFleet, TracedJob, TracedModel } from './trace.ts';

const JOBS = 100;
const EVERY_MS = 9_000;
const LATENCY_MS = 5;

const model = (kind: string, vram_mb: number, load_ms: number, typ_ms: number): TracedModel => ({
  ...{ kind, vram_mb, load_ms, typ_ms, file_mb: vram_mb, warm_ms: load_ms / 2, unload_ms: 300 },
  ...(kind === 'image' ? { batch_max: 4, batch_cost: 0.8 } : { batch_max: 1, batch_cost: 1 }),
});

const models = {
  sketch: model('image', 7_000, 8_000, 7_000),
  paint: model('image', 9_500, 12_000, 8_000),
  words: model('text', 5_900, 4_500, 5_000),
  film: model('video', 13_000, 40_000, 60_000),
};

const fleet: TracedFleet = {
  models,
  workers: [
    {
      ...{ id: 'gpu0', vram_mb: 15_600, page_cache_mb: 32_000, speed: 1, load_scale: 1 },
      models: Object.keys(models),
    },
  ],
};

function tracedJobs(): TracedJob[] {
  const random = new Random(7);
  let t = 0;
  return Array.from({ length: JOBS }, (_, id): TracedJob => {
    t += Math.round(random.exponential(EVERY_MS));
    const name = random.pick(['sketch', 'sketch', 'paint', 'words', 'words', 'film'] as const);
    const est_ms = Math.round(models[name].typ_ms * random.between(0.5, 1.5));
    return {
      ...{
        id,
        t,
        user: `u${random.integer(1, 12)}`,
        tier: random.pick(['free', 'free', 'starter', 'pro']),
      },
      ...{ kind: models[name].kind, model: name, est_ms, batch_key: 'same', act_mb: 1_000 },
      actual_ms: Math.round(est_ms * random.between(0.7, 1.3)),
    };
  });
}

test(`${JOBS} jobs in a quarter of an hour: each runs once, and the card waits for nothing but the way`, async () => {
  const trace: Trace = { header: { seed: 'short' }, jobs: tracedJobs(), fleet };
  const played = await play(trace, { latencyMs: LATENCY_MS, loadNoise: () => 1 });
  expect([...played.ends.values()].every(({ state }) => state === 'succeeded')).toBe(true);
  const { rec, workers } = measured(trace, played);
  const { exec_ms, load_ms, idle_pending_ms, loads } = workers[0]!;
  expect(trace.jobs.every(({ t }, index) => rec[index]!.start >= t)).toBe(true);
  // To the worker and back for each call; an offer that is told anew costs a connection.
  expect(idle_pending_ms).toBeLessThan(JOBS * 3 * LATENCY_MS);
  const useful = exec_ms / (exec_ms + load_ms + idle_pending_ms);
  expect(useful).toBeGreaterThan(0.75);
  expect(loads).toBeLessThan(40);
}, 60_000);
