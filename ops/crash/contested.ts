// `npm run contested`: three runtimes do 100,000 turns of one account on one PostgreSQL.   --turns N
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '../../db/embedded/embedded-postgres.ts';
import { contestedRun } from './contested-run.ts';

const { values } = parseArgs({ options: { turns: { type: 'string', default: '100000' } } });
const folder = mkdtempSync(join(tmpdir(), 'tessera-contested-'));
const server = await startEmbeddedPostgres({ folder, onExit: () => undefined });
try {
  const { violations, figures } = await contestedRun({
    ...{ databaseUrl: server.url, turns: Number(values.turns), processes: 3 },
    say: (line) => console.log(line),
  });
  console.table(figures);
  for (const { rule, what } of violations.slice(0, 20)) console.log(`VIOLATED ${rule}: ${what}`);
  console.log(
    violations.length === 0
      ? 'One commit per revision, no violation.'
      : `${violations.length} violations.`,
  );
  process.exitCode = violations.length === 0 ? 0 : 1;
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
