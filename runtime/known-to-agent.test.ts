import { expect, test } from 'vitest';
import { runOrder } from '../machines/worker/testing.ts';
import { KnownToAgent } from './known-to-agent.ts';

const name = { job: 'job_1', attempt: 1 };
const run = { ...runOrder('job_1'), id: 'wrk_1:7:0' };
const cancel = { type: 'cancel', id: 'wrk_1:9:0', ...name } as const;
const settled = { type: 'settled', ...name } as const;

test('an attempt that was settled after it was ordered anew can still be called off', () => {
  const known = new KnownToAgent();
  known.sent(run, 'acc_1');
  known.acknowledged({ frame: run, accountId: 'acc_1' });
  known.sent(settled, null);
  expect(known.attempt(name)).toBeNull();

  // What the agent says before it has heard of it is about the one that was settled.
  known.sent(cancel, 'acc_1');
  expect(known.attempt(name)).toMatchObject({ phase: 'cancelling', isAgents: false });
  known.acknowledged({ frame: cancel, accountId: 'acc_1' });
  expect(known.attempt(name)).toMatchObject({ phase: 'cancelling', isAgents: true });
  known.sent(settled, null);
  expect(known.attempt(name)).toBeNull();
});

test('an order that nobody has a slot for is not remembered', () => {
  const known = new KnownToAgent();
  known.sent(cancel, null);
  expect(known.attempt(name)).toBeNull();
});
