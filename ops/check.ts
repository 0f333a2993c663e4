// `npm run check`: everything that needs no database, no browser and no process, in about 30 s.
// The checks run side by side (two at a time: the smallest machine has two cores), the slowest first.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Check {
  readonly name: string;
  /** Run one after the other; the first that fails ends the check. */
  readonly commands: readonly (readonly string[])[];
}

const root = fileURLToPath(new URL('..', import.meta.url));
const cache = join('node_modules', '.cache', 'tessera');
const AT_ONCE = 2;

const vitest = ['vitest', 'run', '--config', 'ops/vitest.config.ts', '--project', 'pure'];

// Caches make the second run quick. A lint rule that looks at types may miss what changed in another
// file; CI begins without a cache and does not.
const checks: readonly Check[] = [
  {
    name: 'tests',
    commands: [[...vitest, '--reporter', 'minimal', '--reporter', './ops/test-summary.ts']],
  },
  {
    name: 'lint',
    commands: [
      [
        ...['eslint', '--config', 'ops/eslint.config.js', '--max-warnings', '0'],
        ...['--cache', '--cache-location', join(cache, 'eslint'), '.'],
      ],
    ],
  },
  {
    name: 'site',
    commands: [
      // SvelteKit writes what the site's tsconfig.json extends.
      ['svelte-kit', 'sync', '--config', 'web/vite.config.ts'],
      ['svelte-check', '--workspace', 'web', '--output', 'human', '--threshold', 'error'],
    ],
  },
  {
    name: 'types',
    commands: [
      ['tsc', '-p', 'tsconfig.json', '--incremental', '--tsBuildInfoFile', join(cache, 'tsc')],
    ],
  },
  {
    name: 'format',
    commands: [
      [
        ...['prettier', '--check', '--log-level', 'warn'],
        ...['--cache', '--cache-location', join(cache, 'prettier'), '.'],
      ],
    ],
  },
];

/** Runs one command of node_modules/.bin; answers its exit code and everything it said. */
function run([command = '', ...args]: readonly string[]): Promise<{ code: number; said: string }> {
  return new Promise((resolve, reject) => {
    const bin = join(root, 'node_modules', '.bin');
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH ?? ''}` };
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code: code ?? 1, said: Buffer.concat(chunks).toString('utf8') });
    });
  });
}

/** True when the check passed. What a passing check said is of no interest, except the test count. */
async function perform(check: Check): Promise<boolean> {
  const startedAt = performance.now();
  const seconds = (): string => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
  let said = '';
  for (const command of check.commands) {
    const result = await run(command);
    said = result.said.trimEnd();
    if (result.code !== 0) {
      console.log(`✗ ${check.name} (${seconds()}): ${command.join(' ')}\n${said}\n`);
      return false;
    }
  }
  const count = check.name === 'tests' ? `: ${said.split('\n').at(-1)}` : '';
  console.log(`✓ ${check.name} (${seconds()})${count}`);
  return true;
}

async function performAll(): Promise<boolean> {
  const waiting = [...checks];
  const results: boolean[] = [];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      results.push(await perform(next));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return results.every(Boolean);
}

mkdirSync(join(root, cache), { recursive: true });
if (!(await performAll())) {
  console.log('Something is to be mended. `npm run format` settles format and what lint can fix.');
  process.exitCode = 1;
}
