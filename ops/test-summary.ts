// Ends every test run with lines that a person and a script can read:
//   3 skipped: needs Chromium (apt-get install chromium)
//   240 passed, 0 failed, 3 skipped
import type { Reporter, TestModule } from 'vitest/node';
import { CHROMIUM_NEED } from './chromium.ts';

/** What a kind of test needs when it is skipped as a whole; the kind is the project's name. */
const NEEDS: Readonly<Record<string, string>> = { browser: CHROMIUM_NEED };

export interface Tally {
  passed: number;
  failed: number;
  /** How many were skipped, by the reason to print. */
  readonly skipped: Map<string, number>;
}

/** The closing lines; the last one is the plain count. */
export function summaryLines(tally: Tally): string[] {
  const skippedTotal = [...tally.skipped.values()].reduce((sum, count) => sum + count, 0);
  const reasons = [...tally.skipped].map(([reason, count]) => `${count} skipped: ${reason}`);
  const count = `${tally.passed} passed, ${tally.failed} failed`;
  return [...reasons, skippedTotal > 0 ? `${count}, ${skippedTotal} skipped` : count];
}

export function tallyOf(modules: readonly TestModule[], unhandledErrors: number): Tally {
  // An error outside any test (an unhandled rejection) fails the run, so it must be counted too.
  const tally: Tally = { passed: 0, failed: unhandledErrors, skipped: new Map() };
  for (const module of modules) {
    // A file that does not load has no tests to count: it is one failure itself.
    if (module.errors().length > 0) tally.failed += 1;
    for (const suite of module.children.allSuites()) {
      if (suite.errors().length > 0) tally.failed += 1;
    }
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === 'passed') tally.passed += 1;
      else if (result.state === 'failed') tally.failed += 1;
      else {
        const note = result.state === 'skipped' ? result.note : undefined;
        const reason =
          note ?? NEEDS[module.project.name] ?? `marked so in ${module.relativeModuleId}`;
        tally.skipped.set(reason, (tally.skipped.get(reason) ?? 0) + 1);
      }
    }
  }
  return tally;
}

export default class TestSummary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const lines = summaryLines(tallyOf(modules, unhandledErrors.length));
    process.stdout.write(`\n${lines.join('\n')}\n`);
  }
}
