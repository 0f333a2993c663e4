// The same calls to both stores, one after the other; then every table. The first difference is thrown.
import { isDeepStrictEqual } from 'node:util';
import type { MemoryStore } from '../../db/memory-store.ts';
import type { CommitResult, Store } from '../../db/store.ts';
import { answerOf, type Call } from './calls.ts';
import type { ClockedDatabase } from './clocked-database.ts';
import { tablesOfMemory, tablesOfPostgres, type Tables } from './tables.ts';

/** The tables are compared now and then, so that a difference is found near its cause. */
const TABLES_EVERY = 50;

export interface Compared {
  readonly calls: number;
  /** In all tables at the end. */
  readonly rows: number;
  /** Commits that left a component out, and calls that both stores threw at. */
  readonly lost: number;
  readonly refused: number;
}

/** @throws with the call or the table that differs */
export async function compare(
  calls: Iterable<Call>,
  memory: MemoryStore,
  setMemoryTime: (ms: number) => void,
  postgres: Store,
  database: ClockedDatabase,
): Promise<Compared> {
  let count = 0;
  let lost = 0;
  let refused = 0;
  for (const call of calls) {
    setMemoryTime(call.at);
    await database.setTime(call.at);
    const inMemory = await answerOf(memory, call);
    const inPostgres = await answerOf(postgres, call);
    count += 1;
    const words = [inMemory.words, inPostgres.words].filter(Boolean).join(' | ');
    const what = `call ${count} (${words}): ${JSON.stringify(call)}`;
    mustBeEqual(what, inMemory.value, inPostgres.value);
    if (inMemory.value === 'refused') refused += 1;
    else if (call.method === 'commit')
      lost += (inMemory.value as CommitResult).lost.length > 0 ? 1 : 0;
    if (count % TABLES_EVERY === 0) await compareTables(memory, database);
  }
  const tables = await compareTables(memory, database);
  return { calls: count, rows: Object.values(tables).flat().length, lost, refused };
}

async function compareTables(memory: MemoryStore, database: ClockedDatabase): Promise<Tables> {
  const [inMemory, inPostgres] = [
    await tablesOfMemory(memory),
    await tablesOfPostgres(database.admin),
  ];
  for (const [name, rows] of Object.entries(inMemory)) {
    const others = inPostgres[name] ?? [];
    const onlyHere = rows.filter((row) => !others.includes(row));
    const onlyThere = others.filter((row) => !rows.includes(row));
    mustBeEqual(`table ${name}`, onlyHere, onlyThere);
  }
  return inMemory;
}

function mustBeEqual(what: string, inMemory: unknown, inPostgres: unknown): void {
  if (isDeepStrictEqual(inMemory, inPostgres)) return;
  const [memory, postgres] = [JSON.stringify(inMemory), JSON.stringify(inPostgres)];
  throw new Error(`The stores differ at ${what}\n  memory:   ${memory}\n  postgres: ${postgres}`);
}
