// An agent, its runtime and its engine, ready for a test, and everything taken away afterwards.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { RuntimeFrame } from '../../machines/contract/worker-protocol.ts';
import { startAgent, type Agent, type AgentOptions } from './agent.ts';
import { quickTimers } from './clock-testing.ts';
import { bareHost } from './engine-host.ts';
import { createHeldEngine, type HeldEngine } from './engine-testing.ts';
import { startTestRuntime, WORKER_KEY, type TestRuntime } from './runtime-testing.ts';

type Run = Extract<RuntimeFrame, { type: 'run' }>;

export interface Stage {
  readonly runtime: TestRuntime;
  readonly engine: HeldEngine;
  readonly agent: Agent;
  readonly folder: string;
  /** Everything the agent logged, as `level: message`. */
  readonly logged: string[];
  load(model: string): Promise<void>;
  run(job: string, change?: Partial<Run>): void;
}

export async function setStage(
  change: Partial<AgentOptions> & { heartbeatMs?: number } = {},
): Promise<Stage> {
  const { heartbeatMs, ...agentChange } = change;
  const runtime = await startTestRuntime(heartbeatMs === undefined ? {} : { heartbeatMs });
  const folder = await mkdtemp(join(tmpdir(), 'tessera-agent-'));
  const engine = createHeldEngine();
  const logged: string[] = [];
  const log = (level: string) => (_facts: object, message: string) =>
    void logged.push(`${level}: ${message}`);
  const agent = startAgent({
    url: runtime.url,
    key: WORKER_KEY,
    name: 'stage',
    version: '0.0.0',
    folder,
    hosts: [bareHost(engine)],
    slots: 1,
    gpu: null,
    log: { info: log('info'), warn: log('warn'), error: log('error') },
    seams: { timers: quickTimers },
    ...agentChange,
  });
  onTestFinished(async () => {
    await agent.close();
    await runtime.close();
    await rm(folder, { recursive: true, force: true });
  });
  if (agentChange.key === undefined) await runtime.take('hello');
  return {
    runtime,
    engine,
    agent,
    folder,
    logged,
    load: async (model) => {
      runtime.send({ type: 'load', id: `load-${model}`, model });
      await runtime.take('loaded');
    },
    run: (job, fields = {}) => runtime.send(runOrder(job, fields)),
  };
}

export const runOrder = (job: string, fields: Partial<Run> = {}): Run => ({
  type: 'run',
  id: `run-${job}`,
  job,
  attempt: 1,
  model: 'alpha',
  modality: 'text',
  prompt: 'hello',
  params: {},
  count: 1,
  inputs: [],
  timeLimitMs: 3_600_000,
  ...fields,
});
