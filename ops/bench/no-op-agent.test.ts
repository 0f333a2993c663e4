import { expect, it, vi } from 'vitest';
import type { AgentFrame, RuntimeFrame } from '../../machines/contract/worker-protocol.ts';
import { agentFrame } from '../../machines/contract/worker-protocol.ts';
import { NoOpAgent } from './no-op-agent.ts';

function start(handler = vi.fn(async () => undefined)) {
  const said: AgentFrame[] = [];
  const settled = vi.fn();
  let hear: (text: string) => void = () => undefined;
  let gone: () => void = () => undefined;
  const agent = new NoOpAgent({
    name: 'wrk_1',
    slots: 2,
    redialMs: 0,
    dial: (hears, goes) => {
      [hear, gone] = [hears, goes];
      const send = (text: string) => void said.push(agentFrame.parse(JSON.parse(text)));
      return { send, close: () => undefined };
    },
    ...{ handler, settled },
  });
  const tell = async (frame: RuntimeFrame) => {
    hear(JSON.stringify(frame));
    await new Promise((resolve) => setImmediate(resolve));
  };
  const count = (type: AgentFrame['type']) => said.filter((frame) => frame.type === type).length;
  return { agent, said, settled, handler, tell, count, cut: () => gone() };
}

const WELCOME = { type: 'welcome', worker: 'wrk_1', heartbeatMs: 10_000 } as const;
const run = (id: string, attempt = 1): RuntimeFrame => ({
  ...{ type: 'run', id, job: 'job_1', attempt, model: 'no-op', modality: 'image', prompt: 'x' },
  ...{ params: { seed: 1 }, count: 1, inputs: [], timeLimitMs: 60_000 },
});

it('carries out an order once, however often it is delivered', async () => {
  const { handler, settled, tell, count } = start();
  await tell(WELCOME);
  await tell(run('wrk_1:2:0'));
  await tell(run('wrk_1:2:0'));
  expect(handler).toHaveBeenCalledTimes(1);
  expect([count('acknowledged'), count('started')]).toEqual([2, 1]);
  await tell({ type: 'settled', job: 'job_1', attempt: 1 });
  await tell({ type: 'settled', job: 'job_1', attempt: 1 });
  await tell(run('wrk_1:2:0'));
  expect(handler).toHaveBeenCalledTimes(1);
  expect(settled).toHaveBeenCalledTimes(1);
});

it('runs the next attempt of the same job', async () => {
  const { handler, tell } = start();
  await tell(run('wrk_1:2:0', 1));
  await tell(run('wrk_1:5:0', 2));
  expect(handler).toHaveBeenCalledTimes(2);
});

it('brings back what it has after the connection broke', async () => {
  const { said, tell, cut, agent } = start();
  await tell(WELCOME);
  await tell(run('wrk_1:2:0'));
  said.length = 0;
  cut();
  await vi.waitFor(() => expect(said.length).toBe(1));
  expect(said[0]).toMatchObject({ type: 'hello', attempts: [{ job: 'job_1', attempt: 1 }] });
  await tell(WELCOME);
  expect(said.slice(1).map(({ type }) => type)).toEqual(['started', 'finished']);
  agent.close();
});
