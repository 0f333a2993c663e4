// How tests are found and run. A test says by its name what it needs:
//   *.test.ts          nothing          (pure; part of `npm run check`)
//   *.pg.test.ts       Postgres         (one embedded server for the whole run)
//   *.process.test.ts  real processes   (one file at a time: they start, kill and restart things)
//   *.browser.test.ts  Chromium         (skipped with a hint where there is none)
// One kind only: `npm test -- --project pg`. One file: `npm test -- db/store.pg.test.ts`.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));
// Starts no server: the first test that wants a database does.
const globalSetup = [fileURLToPath(new URL('../db/testing.ts', import.meta.url))];

const NEVER = ['**/node_modules/**', 'web/build/**', '**/.svelte-kit/**', '.tessera/**'];
const KINDS = ['pg', 'process', 'browser'] as const;
type Kind = (typeof KINDS)[number];

const pure: TestProjectInlineConfiguration = {
  extends: true,
  test: {
    name: 'pure',
    include: ['**/*.test.ts'],
    exclude: [...NEVER, ...KINDS.map((kind) => `**/*.${kind}.test.ts`)],
    sequence: { groupOrder: 0 },
  },
};

const needing = (kind: Kind, order: number): TestProjectInlineConfiguration => ({
  extends: true,
  test: {
    name: kind,
    include: [`**/*.${kind}.test.ts`],
    exclude: NEVER,
    globalSetup,
    sequence: { groupOrder: order },
    // A bound for a hung test, never a pace: these wait for signals of real processes.
    testTimeout: kind === 'pg' ? 30_000 : 180_000,
    hookTimeout: kind === 'pg' ? 60_000 : 180_000,
    ...(kind === 'pg' ? {} : { fileParallelism: false }),
  },
});

export default defineConfig({
  root,
  cacheDir: 'node_modules/.vite',
  // For web/ too: its own extends a file that SvelteKit writes only when the site is built or checked.
  tsconfig: join(root, 'tsconfig.json'),
  test: {
    projects: [pure, needing('pg', 1), needing('process', 2), needing('browser', 3)],
    passWithNoTests: true,
    // Two: the smallest machine we support, so a green run here is a green run there.
    maxWorkers: 2,
    testTimeout: 15_000,
    teardownTimeout: 30_000,
    reporters: ['default', fileURLToPath(new URL('test-summary.ts', import.meta.url))],
  },
});
