// The short form of `npm run moments`: three moments for each that can die, or call it off.
import { expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../testing.ts';
import { runMoments } from './run.ts';

const MOMENTS = new Set(['runtime says load', 'agent says progress', 'agent sends a result']);

it('ends each job as specified, whoever dies or calls it off', { timeout: 240_000 }, async () => {
  const folder = temporaryFolder('moments');
  const rows = await runMoments({
    folder,
    isWanted: (_subject, { name, nth }) => MOMENTS.has(name) && nth === 1,
    said: () => undefined,
  });
  expect(rows).toHaveLength(12);
  expect(rows.filter(({ faults }) => faults.length > 0)).toEqual([]);
  removeFolder(folder);
});
