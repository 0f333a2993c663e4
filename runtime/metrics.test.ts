import { expect, it } from 'vitest';
import { MemoryStore } from '../db/memory-store.ts';
import { StoreUnavailable, UnknownOutcome } from '../db/store.ts';
import { realIds } from './clock.ts';
import { makeCore } from './core.ts';
import { Metrics } from './metrics.ts';
import { ManualClock, TestAgent, everyFileIsStored, settled, spec, submit } from './testing.ts';
import { BOOT_GRACE_MS } from './timers.ts';

const valuesOf = async (metrics: Metrics) =>
  Object.fromEntries(
    (await metrics.text())
      .split('\n')
      .filter((line) => line.startsWith('tessera_'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
  );

it('counts what a job leaves behind', async () => {
  const metrics = new Metrics({ withProcess: false });
  const clock = new ManualClock();
  const store = metrics.measured(new MemoryStore({ now: clock.now }));
  const core = makeCore({
    ...{ store, clock, ids: realIds, isStored: everyFileIsStored },
    ...{ runtimeId: 'runtime-1', version: 'test', log: () => undefined },
    observe: (component) => metrics.observe(component),
  });
  await core.start();
  metrics.watch(() => core.dispatcher.status());
  await clock.advance(BOOT_GRACE_MS);
  const agent = new TestAgent(core, 'wrk_1');
  agent.hello();
  await settled();
  await submit(core, spec('job_1'));
  await settled();
  expect(await valuesOf(metrics)).toMatchObject({
    'tessera_jobs{state="running"}': 1,
    'tessera_jobs{state="waiting"}': 0,
    'tessera_queue_depth{modality="image"}': 1,
    'tessera_workers{state="swapping"}': 1,
  });
  agent.acknowledgeAll();
  agent.say({ type: 'loaded', model: 'sketch', loadMs: 5, vramBytes: 1 });
  agent.say({ type: 'started', job: 'job_1', attempt: 1 });
  agent.finish('job_1');
  await settled();

  const values = await valuesOf(metrics);
  expect(values).toMatchObject({
    'tessera_jobs_settled_total{state="succeeded",modality="image"}': 1,
    'tessera_jobs{state="running"}': 0,
    'tessera_workers{state="idle"}': 1,
  });
  expect(values['tessera_turns_total{kind="job"}']).toBeGreaterThan(3);
  expect(values['tessera_commits_total{outcome="committed"}']).toBe(
    values['tessera_commit_components_count'],
  );
});

it.each([
  [new UnknownOutcome('b'), 'unknown'],
  [new StoreUnavailable('gone'), 'unavailable'],
  [new Error('refused'), 'refused'],
])('counts commits that failed: %s', async (error, outcome) => {
  const metrics = new Metrics({ withProcess: false });
  const store = new MemoryStore({ now: () => 0 });
  store.commit = () => Promise.reject(error);
  const commit = metrics.measured(store).commit({ components: 1 } as never);
  await expect(commit).rejects.toBe(error);
  expect(await valuesOf(metrics)).toMatchObject({
    [`tessera_commits_total{outcome="${outcome}"}`]: 1,
    tessera_commit_seconds_count: 1,
  });
});

it('shows the process itself', async () => {
  const page = await new Metrics().text();
  expect(page).toContain('nodejs_eventloop_lag_seconds');
  expect(page).toContain('process_resident_memory_bytes');
});
