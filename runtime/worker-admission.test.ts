// Many workers at once: some are let in, the others are told when to come back, and all are served in the end.
import { expect, it } from 'vitest';
import { MemoryStore } from '../db/memory-store.ts';
import { comeBackMs } from '../machines/contract/worker-protocol.ts';
import { realIds } from './clock.ts';
import { makeCore } from './core.ts';
import { everyFileIsStored, ManualClock, offer, settled } from './testing.ts';

async function crowded(hellosMax: number) {
  const clock = new ManualClock();
  const store = new MemoryStore({ now: clock.now });
  const core = makeCore({
    ...{ store, clock, ids: realIds, isStored: everyFileIsStored, runtimeId: 'runtime-1' },
    ...{ version: 'test', log: () => undefined, hellosMax },
  });
  await core.start();
  const greet = (n: number, attempts: { job: string; attempt: number }[] = []) => {
    const heard: { code: number; reason: string }[] = [];
    const heardFrames: string[] = [];
    const wire = core.sessions.accept(
      {
        send: (text) => void heardFrames.push(text),
        close: (code, reason) => void heard.push({ code, reason }),
        bufferedBytes: () => 0,
      },
      `wrk_${n}`,
    );
    const frame = {
      ...{ type: 'hello', protocol: 1, epoch: `boot-${n}`, name: 'w', version: '1', gpu: null },
      ...{ slots: 1, models: [offer()], loaded: [], attempts },
    };
    wire.receive(JSON.stringify(frame));
    return { heard, frames: heardFrames };
  };
  return { core, store, greet };
}

it('sends away, each for a time of its own, those for whom there is no room', async () => {
  const { core, greet } = await crowded(3);
  const guests = Array.from({ length: 20 }, (_, n) => greet(n));
  const away = guests.flatMap(({ heard }) => heard);
  expect(away.map(({ code }) => code)).toEqual(Array(17).fill(1013));
  const waits = away.map(({ reason }) => comeBackMs(reason));
  for (const ms of waits) {
    expect(ms).toBeGreaterThanOrEqual(300);
    expect(ms).toBeLessThanOrEqual(2_000);
  }
  expect(new Set(waits).size).toBeGreaterThan(10);
  await settled();
  expect(guests.filter(({ frames }) => frames.length > 0)).toHaveLength(3);
  // Those who were sent away are nobody's sessions, and there is room again.
  expect(core.sessions.size).toBe(3);
  const later = [greet(17), greet(18), greet(19)];
  await settled();
  expect(later.flatMap(({ heard }) => heard)).toEqual([]);
  await core.stop();
});

it('keeps room for those who bring jobs along', async () => {
  const { core, greet } = await crowded(1);
  const idle = [greet(0), greet(1)];
  expect(idle.map(({ heard }) => heard.length)).toEqual([0, 1]);
  const busy = [2, 3, 4, 5].map((n) => greet(n, [{ job: `job_${n}`, attempt: 1 }]));
  expect(busy.map(({ heard }) => heard.length)).toEqual([0, 0, 0, 1]);
  await settled();
  await core.stop();
});

it('has its room back after a hello that could not be committed', async () => {
  const { core, store, greet } = await crowded(1);
  const commit = store.commit.bind(store);
  store.commit = () => Promise.reject(new Error('away'));
  greet(0);
  expect(greet(1).heard).toHaveLength(1);
  store.commit = commit;
  await settled();
  const next = greet(2);
  await settled();
  expect(next.heard).toEqual([]);
  await core.stop();
});
