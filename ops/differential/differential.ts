// `node ops/differential/differential.ts --seeds 100 [--from 1]`: both stores, seed by seed. Stops at the
// first difference and says how to see it again.
import { parseArgs } from 'node:util';
import { PostgresStore } from '../../db/postgres-store.ts';
import { setup, teardown } from '../../db/testing.ts';
import { clockedDatabase } from './clocked-database.ts';
import { compareLived, compareMadeUp, type Stores } from './seeds.ts';

const CALLS = 400;
const say = (line: string) => process.stdout.write(`${line}\n`);

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '20' }, from: { type: 'string', default: '1' } },
});

async function compareSeeds(first: number, count: number, stores: Stores): Promise<boolean> {
  const begun = performance.now();
  const total = { calls: 0, rows: 0, lost: 0, refused: 0 };
  for (let seed = first; seed < first + count; seed++) {
    try {
      for (const each of [
        await compareMadeUp(seed, CALLS, stores),
        await compareLived(seed, stores),
      ])
        for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += each[key];
    } catch (error) {
      say(`Seed ${seed}: ${(error as Error).message}`);
      say(`Again: node ops/differential/differential.ts --from ${seed} --seeds 1`);
      return false;
    }
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  const { calls, rows, lost, refused } = total;
  say(
    `${count} seeds, ${calls} calls on each store (${lost} lost a component, ${refused} were refused), ` +
      `${rows} rows alike at the end, in ${seconds} s.`,
  );
  return true;
}

await setup();
const database = await clockedDatabase();
const postgres = new PostgresStore({ url: database.url, connectionsMax: 1 });
try {
  const areAlike = await compareSeeds(Number(values.from), Number(values.seeds), {
    postgres,
    database,
  });
  process.exitCode = areAlike ? 0 : 1;
} finally {
  await postgres.close();
  await database.drop();
  await teardown();
}
