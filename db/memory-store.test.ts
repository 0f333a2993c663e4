import { expect, test } from 'vitest';
import { testStore } from './conformance.ts';
import { batchOf, turn, job } from './conformance/batches.ts';
import { MemoryStore } from './memory-store.ts';
import { StoreUnavailable } from './store.ts';

testStore('MemoryStore', async () => {
  let now = Date.UTC(2026, 0, 1);
  const store = new MemoryStore({ now: () => now });
  return {
    store,
    other: store,
    advance: async (ms) => void (now += ms),
    close: () => store.close(),
  };
});

test('its tables can be looked at', async () => {
  const store = new MemoryStore({ now: () => 1 });
  await store.commit(batchOf({ ...turn(0, job(1), 0), batchId: 'b' }));
  expect(store.tables.journal).toMatchObject([{ ref: job(1), revision: 1, batchId: 'b', at: 1 }]);
});

test('a closed store is unavailable', async () => {
  const store = new MemoryStore({ now: () => 1 });
  await store.close();
  await expect(store.now()).rejects.toThrow(StoreUnavailable);
});
