// The short form of `npm run day`: without the mishaps that take a minute each.
import { expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../testing.ts';
import { liveDay } from './day.ts';

it('ends every job and overfills no card', { timeout: 240_000 }, async () => {
  const folder = temporaryFolder('day');
  const said: string[] = [];
  const { violations, rows } = await liveDay({
    ...{ folder, seed: 3, jobs: 40, everyMs: 100, mishapEveryMs: 1_500, mishapsMax: 30 },
    ...{ hasHangs: false, minutesMax: 3, said: (line) => said.push(line) },
  });
  expect(violations, said.join('\n')).toEqual([]);
  const succeeded = rows.reduce((sum, { succeeded: count }) => sum + Number(count), 0);
  expect(succeeded).toBeGreaterThan(25);
  removeFolder(folder);
});
