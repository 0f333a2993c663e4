// The short form of `npm run contested`: three processes, one account, a thousand turns.
import { afterAll, expect, it } from 'vitest';
import { testDatabase } from '../../db/testing.ts';
import { contestedRun } from './contested-run.ts';

const database = await testDatabase({ empty: true });
afterAll(database.drop);

it('three runtimes that want the same account write each revision once', async () => {
  const { violations, figures } = await contestedRun({
    ...{ databaseUrl: database.url, turns: 1_000, processes: 3, say: () => undefined },
  });
  expect(violations).toEqual([]);
  expect(figures['turns']).toBeGreaterThanOrEqual(1_000);
  // Otherwise nothing was contested.
  expect(figures['compare-and-sets lost']).toBeGreaterThan(0);
});
