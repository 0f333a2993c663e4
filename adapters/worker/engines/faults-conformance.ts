// What every engine does when its server misbehaves: each names, for each of these mishaps, how a simulator
// brings it about and how the attempt must end. Whatever happened, the next job on a healed server succeeds, and
// nothing of the first is left at work.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  EngineFailure,
  type Engine,
  type EngineJob,
  type EngineOutput,
  type EngineUpdate,
} from '../../../machines/contract/engine.ts';
import type { FailureCode } from '../../../machines/contract/failures.ts';

export const MISHAPS = [
  'engine is down',
  'line breaks while it runs',
  'engine restarts while it runs',
  'engine says nothing more but finishes',
  'answer to the start is lost',
  'answer is cut short',
  'answer is not what was promised',
  'out of memory',
  'model is gone',
  'result is huge',
  'result comes slowly',
  'result is empty or damaged',
  'somebody else works there too',
] as const;
export type Mishap = (typeof MISHAPS)[number];

export interface Bench<Server> {
  readonly engine: Engine;
  readonly server: Server;
  close(): Promise<void>;
}

export interface MishapRule<Server> {
  /** Before the run. */
  readonly arrange?: (server: Server) => void | Promise<void>;
  /** Once, when the engine has said that it started. */
  readonly during?: (server: Server) => void | Promise<void>;
  /** Back to normal, before the next job. */
  readonly heal?: (server: Server) => void | Promise<void>;
  readonly ends: 'succeeds' | FailureCode;
  /** Where a mishap cannot happen with this engine, why. */
  readonly cannotHappen?: string;
}

export interface FaultsOptions<Server> {
  readonly name: string;
  /** A fresh server and a fresh engine for it. */
  readonly open: () => Promise<Bench<Server>>;
  readonly job: EngineJob;
  readonly rules: Readonly<Record<Mishap, MishapRule<Server>>>;
  /** Nothing of ours is waiting or running on the server. */
  readonly isIdle: (server: Server) => boolean | Promise<boolean>;
}

const never = new AbortController().signal;
/** Turns of the event loop until it is called off: from not yet sent to waiting at the server. */
const MOMENTS = [0, 2, 8, 32];

export function describeFaults<Server>(options: FaultsOptions<Server>): void {
  describe(`engine ${options.name}, when its server misbehaves`, () => {
    for (const mishap of MISHAPS) {
      const rule = options.rules[mishap];
      if (rule.cannotHappen === undefined) it(`${mishap}: ${rule.ends}`, () => play(options, rule));
    }
    it.each(MOMENTS)('called off behind the work of somebody else, after %i turns', (turns) =>
      callOff(options, turns),
    );
  });
}

async function play<Server>(
  { open, job, isIdle }: FaultsOptions<Server>,
  { arrange, during, heal, ends }: MishapRule<Server>,
): Promise<void> {
  const { engine, server, close } = await open();
  try {
    await engine.load(job.model, never);
    await arrange?.(server);
    const first = await outcome(engine, job, () => during?.(server));
    expect(first).toBe(ends);
    await heal?.(server);
    await engine.probe();
    await engine.load(job.model, never);
    const next = { ...job, id: `${job.id}-next`, attempt: job.attempt + 1 };
    expect(await outcome(engine, next)).toBe('succeeds');
    expect(await isIdle(server)).toBe(true);
  } finally {
    await engine.close();
    await close();
  }
}

/** It waits at the server, or is still on its way there: nothing of it is left, and it is over at once. */
async function callOff<Server>(
  { open, job, isIdle, rules }: FaultsOptions<Server>,
  turns: number,
): Promise<void> {
  const { arrange, during, heal } = rules['somebody else works there too'];
  const { engine, server, close } = await open();
  try {
    await engine.load(job.model, never);
    await arrange?.(server);
    const stop = new AbortController();
    const reason = new Error('no longer wanted');
    const running = engine.run(job, () => {}, stop.signal);
    running.catch(() => {});
    for (let turn = 0; turn < turns; turn += 1) await nextTurn();
    stop.abort(reason);
    await expect(running).rejects.toBe(reason);
    await during?.(server);
    await heal?.(server);
    expect(await outcome(engine, { ...job, attempt: job.attempt + 1 })).toBe('succeeds');
    expect(await isIdle(server)).toBe(true);
  } finally {
    await engine.close();
    await close();
  }
}

async function outcome(
  engine: Engine,
  job: EngineJob,
  during?: () => void | Promise<void>,
): Promise<'succeeds' | FailureCode> {
  let hasStarted = false;
  let disturbance: Promise<void> | undefined;
  const report = (update: EngineUpdate): void => {
    if (hasStarted || update.type !== 'started') return;
    hasStarted = true;
    disturbance = Promise.resolve(during?.());
  };
  let outputs: readonly EngineOutput[];
  try {
    outputs = await engine.run(job, report, never);
  } catch (error) {
    if (error instanceof EngineFailure) return error.code;
    throw error;
  } finally {
    await disturbance;
  }
  expect(outputs).toHaveLength(job.count);
  for (const { bytes } of outputs) expect(bytes.byteLength).toBeGreaterThan(0);
  return 'succeeds';
}
