import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestModule } from 'vitest/node';
import { describe, expect, it } from 'vitest';
import { CHROMIUM_NEED, chromiumPath } from './chromium.ts';
import { summaryLines, tallyOf } from './test-summary.ts';
import { removeFolder, temporaryFolder } from './testing.ts';

interface FakeFile {
  readonly kind: string;
  readonly states: readonly string[];
  readonly note?: string;
  readonly errors?: number;
}

/** As much of vitest's report as is read. */
function report({ kind, states, note, errors = 0 }: FakeFile): TestModule {
  return {
    project: { name: kind },
    relativeModuleId: 'db/some.test.ts',
    errors: () => Array.from({ length: errors }),
    children: {
      allSuites: () => [],
      allTests: () => states.map((state) => ({ result: () => ({ state, note }) })),
    },
  } as unknown as TestModule;
}
const lines = (files: FakeFile[], unhandled = 0): string[] =>
  summaryLines(tallyOf(files.map(report), unhandled));

describe('the closing lines', () => {
  it('end with the plain count', () => {
    expect(lines([{ kind: 'pure', states: ['passed', 'passed'] }])).toEqual(['2 passed, 0 failed']);
  });

  it('say what a skipped kind needs, and how to install it', () => {
    const files = [
      { kind: 'pg', states: ['passed', 'failed'] },
      { kind: 'browser', states: ['skipped', 'skipped'] },
    ];
    expect(lines(files)).toEqual([`2 skipped: ${CHROMIUM_NEED}`, '1 passed, 1 failed, 2 skipped']);
  });

  it('take the reason that a test gave itself, and name the file of one that gave none', () => {
    const files = [
      { kind: 'process', states: ['skipped'], note: 'needs curl (apt-get install curl)' },
      { kind: 'pure', states: ['skipped'] },
    ];
    expect(lines(files)).toEqual([
      '1 skipped: needs curl (apt-get install curl)',
      '1 skipped: marked so in db/some.test.ts',
      '0 passed, 0 failed, 2 skipped',
    ]);
  });

  it('count what fails outside any test', () => {
    expect(lines([{ kind: 'pure', states: [], errors: 1 }])).toEqual(['0 passed, 1 failed']);
    expect(lines([{ kind: 'pure', states: ['passed'] }], 1)).toEqual(['1 passed, 1 failed']);
  });
});

it('a browser is found by CHROMIUM_PATH or by name, and none where there is none', () => {
  const folder = temporaryFolder('chromium');
  expect(chromiumPath({ PATH: folder })).toBeNull();
  writeFileSync(join(folder, 'chromium'), '#!/bin/sh\n');
  expect(chromiumPath({ PATH: folder })).toBeNull();
  chmodSync(join(folder, 'chromium'), 0o755);
  expect(chromiumPath({ PATH: `/nowhere:${folder}` })).toBe(join(folder, 'chromium'));
  expect(chromiumPath({ PATH: folder, CHROMIUM_PATH: '/opt/chrome' })).toBe('/opt/chrome');
  removeFolder(folder);
});
