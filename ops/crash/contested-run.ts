// Several runtimes, one account: every turn wants the same quota, and some the same job. What is written
// must be one turn per revision, every job held and released once, the ledger exact.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { migrate } from '../../db/migrate.ts';
import { nothingAcknowledgedIsLost, nothingUnaskedFor } from './check-jobs.ts';
import { BOOK_RULES, judge, type Violation } from './checker.ts';
import { readBooks, withDatabase } from './collect.ts';
import type { Told } from './contested-core.ts';
import type { Evidence } from './evidence.ts';

export interface ContestedOptions {
  readonly databaseUrl: string;
  readonly turns: number;
  readonly processes: number;
  readonly say: (line: string) => void;
}

export interface ContestedReport {
  readonly violations: readonly Violation[];
  readonly figures: Readonly<Record<string, number>>;
}

const ACCOUNT = 'acc_contested';

export async function contestedRun(options: ContestedOptions): Promise<ContestedReport> {
  const { databaseUrl, turns, processes, say } = options;
  await migrate(databaseUrl);
  const startedAt = performance.now();
  const told = new Map<ChildProcess, Told>();
  const total = (of: (each: Told) => number): number =>
    [...told.values()].reduce((sum, each) => sum + of(each), 0);
  const children = Array.from({ length: processes }, (_, n) => start(databaseUrl, `r${n + 1}`));
  let isEnough = false;
  for (const child of children) {
    child.on('error', () => undefined); // how it ended is looked at below
    child.on('message', (news: Told) => {
      told.set(child, news);
      if (isEnough || total((each) => each.turns) < turns) return;
      isEnough = true;
      for (const each of children) if (each.connected) each.send('stop');
    });
  }
  const report = setInterval(() => say(`${total((each) => each.turns)} turns`), 5_000);
  // The last words come before the end of the channel, not before the end of the process.
  const silences = children.map((child) => once(child, 'disconnect'));
  const ends = await Promise.all(children.map((child) => once(child, 'exit')));
  await Promise.all(silences);
  clearInterval(report);
  const seconds = (performance.now() - startedAt) / 1000;
  const books = await withDatabase(databaseUrl, readBooks);
  const evidence: Evidence = {
    ...books,
    ...{ engines: [], outputs: [] },
    seen: [...told.values()].flatMap(({ jobs = [] }) =>
      jobs.map((job) => ({
        ...({ what: 'acknowledged', account: ACCOUNT, key: job, job, state: 'queued' } as const),
      })),
    ),
  };
  const written = total((each) => each.turns);
  const rules = {
    ...BOOK_RULES,
    'nothing acknowledged is lost (I6)': nothingAcknowledgedIsLost,
    'no job that nobody asked for (I5)': nothingUnaskedFor,
  };
  const violations = [
    ...judge(evidence, rules),
    ...(books.journal.length === written
      ? []
      : [
          {
            rule: 'counted',
            what: `${written} turns told, ${books.journal.length} in the journal`,
          },
        ]),
    ...ends.flatMap(([code], n) =>
      code === 0 ? [] : [{ rule: 'nobody fails unbidden', what: `r${n + 1} ended with ${code}` }],
    ),
  ];
  return {
    violations,
    figures: {
      turns: written,
      ...{ processes, seconds: Math.round(seconds * 10) / 10 },
      'turns per second': Math.round(written / seconds),
      commits: total((each) => each.commits),
      'compare-and-sets lost': total((each) => each.lost),
      'events given back': total((each) => each.turnedDown),
      jobs: books.actors.filter(({ kind }) => kind === 'job').length,
    },
  };
}

const start = (databaseUrl: string, name: string): ChildProcess =>
  spawn(
    process.execPath,
    [join(import.meta.dirname, 'contested-core.ts'), databaseUrl, ACCOUNT, name],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
