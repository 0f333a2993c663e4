// `npm run moments`: kills the agent, the engine and the line at every named moment. Exit code 1 when anything
// came out otherwise than the specification says.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { STEP_MS } from './comfy-scene.ts';
import { runMoments } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-moments-'));
const only = process.argv[2];
const rows = await runMoments({
  folder,
  isWanted: (subject, { name }) => only === undefined || `${subject}: ${name}`.includes(only),
  said: ({ subject, moment, end, attempts, faults }) =>
    console.log(
      `${faults.length === 0 ? 'ok  ' : 'BAD '} ${subject === 'person' ? 'called off' : `${subject} dies`} when ${moment}: ${end}, attempt ${attempts}` +
        (faults.length === 0 ? '' : `\n     ${faults.join('; ')}`),
    ),
});
const bad = rows.filter(({ faults }) => faults.length > 0).length;
const freed = rows.flatMap(({ freedMs }) => freedMs ?? []);
if (freed.length > 0)
  console.log(
    `Called off, the engine was free within ${Math.max(...freed).toFixed(0)} ms; a step of it takes ${STEP_MS} ms.`,
  );
console.log(`${rows.length - bad} of ${rows.length} as the specification says.`);
if (bad === 0) rmSync(folder, { recursive: true, force: true });
else console.log(`Logs are in ${folder}.`);
process.exit(bad === 0 ? 0 : 1);
