// Half of `memory.ts`: the process that is looked at.
import { quotaRef } from '../../machines/contract/ids.ts';
import { startEngine } from './engine.ts';
import type { MemoryReply, MemoryTask } from './memory.ts';

/** Both before and after: what a runtime needs anyway is not counted. */
const ACCOUNTS = 200;
const AT_ONCE = 1_000;

async function now(): Promise<MemoryReply> {
  // Twice: what finalizers let go of is only collected by the second.
  for (let round = 0; round < 2; round++) {
    globalThis.gc!();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, rss } = process.memoryUsage();
  return { heapBytes: heapUsed, residentBytes: rss };
}

async function measure({ url, what, count }: MemoryTask): Promise<MemoryReply> {
  const engine = await startEngine({ url, accounts: ACCOUNTS, fail: console.error });
  const one = (n: number): Promise<unknown> =>
    what === 'waiting'
      ? engine.submit(n)
      : engine.core.turns.post(quotaRef(`idle_${n}`), { type: 'plan.changed', plan: 'starter' });
  // So that code and buffers are there before anything is counted.
  await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => one(n)));
  const before = await now();
  for (let first = AT_ONCE; first < AT_ONCE + count; first += AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, AT_ONCE + count - first) }, (_, n) => one(first + n)),
    );
  const after = await now();
  await engine.stop();
  return {
    heapBytes: after.heapBytes - before.heapBytes,
    residentBytes: after.residentBytes - before.residentBytes,
  };
}

process.once('message', (task: MemoryTask) => {
  void measure(task).then((reply) => process.send!(reply, () => process.exit()));
});
process.once('disconnect', () => process.exit(1));
