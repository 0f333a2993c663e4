// The list of planted bugs must not rot: each has its one place in the sources. And some of them, which
// show within a few seeds, are found here; all of them by `npm run simulate -- --planted`.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { PLANTED_BUGS } from './bugs.ts';
import { find } from './find.ts';
import { patched, patchesOf } from './plant.ts';

const ROOT = new URL('../../../', import.meta.url);

test('there are at least thirty, each with a name of its own', () => {
  expect(PLANTED_BUGS.length).toBeGreaterThanOrEqual(30);
  expect(new Set(PLANTED_BUGS.map(({ name }) => name)).size).toBe(PLANTED_BUGS.length);
});

test.each(PLANTED_BUGS)('$name: its place occurs once in $file', (bug) => {
  for (const patch of patchesOf(bug)) {
    const source = readFileSync(new URL(patch.file, ROOT), 'utf8');
    expect(patched(source, patch)).not.toBe(source);
  }
});

describe('found within a few seeds', () => {
  const QUICK = [
    'the compare-and-set is ignored',
    'an answer leaves before its commit',
    'a release is skipped',
  ];

  test.each(QUICK)(
    '%s',
    async (name) => {
      const bug = PLANTED_BUGS.find((each) => each.name === name)!;
      const found = await find(bug, 20);
      expect(found).toMatchObject({ invariant: bug.breaks });
    },
    60_000,
  );
});
