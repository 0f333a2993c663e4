// One seed from beginning to end.
import type { Violation } from './check.ts';
import { checkEnd } from './end-state.ts';
import { NO_LIMITS, type Limits } from './limits.ts';
import { tellStory } from './story.ts';
import { World } from './world.ts';

export interface SeedResult {
  readonly seed: number;
  readonly violation: Violation | null;
  readonly hash: string;
  readonly turns: number;
  readonly commits: number;
  readonly events: number;
  readonly runtimes: number;
  readonly jobs: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly sometimes: Readonly<Record<string, number>>;
  readonly wallMs: number;
  /** Only when asked for. */
  readonly lines: readonly string[];
}

export async function runSeed(
  seed: number,
  limits: Limits = NO_LIMITS,
  isTold = false,
  /** Given a way to accuse the seed of what went wrong outside of every promise. */
  onAccuse: (accuse: (error: unknown) => void) => void = () => undefined,
): Promise<SeedResult> {
  const startedAt = performance.now();
  const world = new World(seed, limits, isTold);
  const accuse = (error: unknown): void =>
    world.violate('I0 no programmer error', (error as Error).stack ?? String(error));
  onAccuse(accuse);
  try {
    await tellStory(world);
    if (!world.violation) await checkEnd(world);
  } catch (error) {
    accuse(error);
  }
  return {
    seed,
    violation: world.violation,
    hash: world.trace.hash,
    turns: world.books.turns,
    commits: world.books.commits,
    events: world.scheduler.count,
    runtimes: world.runtimes.length,
    jobs: world.books.jobs.size,
    faults: Object.fromEntries(world.faults),
    sometimes: Object.fromEntries(world.sometimes),
    wallMs: performance.now() - startedAt,
    lines: world.trace.lines,
  };
}
