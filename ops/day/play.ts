// `npm run day`: a day on one simulated card, and its table. Exit code 1 when something came out that must not.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { liveDay } from './day.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '400' },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'tessera-day-'));
const { rows, mishaps, card, violations } = await liveDay({
  ...{ folder, seed: Number(values.seed), jobs: Number(values.jobs) },
  ...{ everyMs: 250, mishapEveryMs: 3_000, mishapsMax: Infinity, minutesMax: 20, hasHangs: true },
  said: (line) => console.log(`  ${line}`),
});
console.table(rows);
console.table(mishaps);
console.table(card);
for (const violation of violations) console.log(`VIOLATION: ${violation}`);
console.log(`${violations.length} violations.`);
if (violations.length === 0) rmSync(folder, { recursive: true, force: true });
else console.log(`Logs are in ${folder}.`);
process.exit(violations.length === 0 ? 0 : 1);
