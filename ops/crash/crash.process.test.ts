// The short form of `npm run crash`: each kind of kill and some named points, once, under load.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { crashRun } from './crash-run.ts';
import { nameOf, type Card } from './mischief.ts';

const CARDS: readonly Card[] = [
  { do: 'kill', whom: 'runtime' },
  { do: 'kill', whom: 'worker' },
  { do: 'kill', whom: 'postgres' },
  { do: 'kill', whom: 'backend' },
  { do: 'killAt', whom: 'runtime', at: 'beforeCommit' },
  { do: 'killAt', whom: 'runtime', at: 'commitSent' },
  { do: 'killAt', whom: 'runtime', at: 'commitAnswered' },
  { do: 'killAt', whom: 'runtime', at: 'orderWritten' },
  { do: 'killAt', whom: 'runtime', at: 'resultReceived' },
  { do: 'killAt', whom: 'worker', at: 'running' },
  { do: 'killAt', whom: 'worker', at: 'beforeReport' },
  { do: 'endAt', whom: 'runtime', at: 'leasesHeld' },
  { do: 'end', whom: 'runtime' },
  { do: 'pause', whom: 'runtime' },
];

it('loses and doubles nothing, whoever is killed, wherever', { timeout: 400_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-crash-'));
  const said: string[] = [];
  const { violations, done } = await crashRun({
    ...{ folder, seed: 20_26, deck: CARDS, rounds: 1, kills: Infinity, minutesMax: 3 },
    // Longer than a lease lasts (15 s): somebody else takes over meanwhile.
    ...{ paceMs: 300, pauseMs: 16_000 },
    ...{ runtimes: 3, workers: 2, slots: 4, customers: 4, openMax: 10 },
    ...{ say: (line) => said.push(line), signal: new AbortController().signal },
  });
  expect(violations, `The evidence is in ${folder}.\n${said.join('\n')}`).toEqual([]);
  expect(CARDS.map(nameOf).filter((name) => !done.get(name))).toEqual([]);
  rmSync(folder, { recursive: true, force: true });
});
