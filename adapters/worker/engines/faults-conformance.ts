// What every engine does when its server misbehaves: each names, for each of these mishaps, how a simulator
// brings it about and how the attempt must end. Whatever happened, the next job on a healed server succeeds, and
// nothing of the first is left at work.
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

export function describeFaults<Server>(options: FaultsOptions<Server>): void {
  describe(`engine ${options.name}, when its server misbehaves`, () => {
    for (const mishap of MISHAPS) {
      const rule = options.rules[mishap];
      if (rule.cannotHappen === undefined) it(`${mishap}: ${rule.ends}`, () => play(options, rule));
    }
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
