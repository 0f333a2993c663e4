// `npm run conformance -- comfyui --real http://127.0.0.1:8188`: an engine's suite against its simulator and,
// with --real, against a server that runs. Without an engine's name: all of them, simulated.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const ENGINES = join('adapters', 'worker', 'engines');
const ROOT = join(import.meta.dirname, '..');
/** What the tests read beside the address, where an engine needs it to know the server. */
const DETAILS = ['model', 'flavour', 'settings'] as const;
const USAGE =
  'npm run conformance -- [ENGINE] [--real URL] [--model FILE] [--flavour NAME] [--settings JSON]';

export interface Suite {
  readonly files: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const suiteFile = (engine: string) => join(ENGINES, engine, `${engine}.conformance.test.ts`);
export const engineNames = (): readonly string[] =>
  readdirSync(join(ROOT, ENGINES)).filter((name) => existsSync(join(ROOT, suiteFile(name))));

/** @throws Error whose message is a sentence */
export function suiteOf(args: readonly string[]): Suite {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { real: text, model: text, flavour: text, settings: text },
  });
  const names = engineNames();
  const [engine, more] = positionals;
  if (more !== undefined) throw new Error(`One engine at a time: ${USAGE}`);
  if (engine !== undefined && !names.includes(engine))
    throw new Error(`There is no engine ${engine}. These have a suite: ${names.join(', ')}.`);
  const { real } = values;
  if (real === undefined) {
    const idle = DETAILS.find((name) => values[name] !== undefined);
    if (idle !== undefined)
      throw new Error(`--${idle} says something of a server: name it by --real.`);
    return { files: (engine === undefined ? names : [engine]).map(suiteFile), env: {} };
  }
  if (engine === undefined) throw new Error(`Which engine is at ${real}? ${USAGE}`);
  if (!/^https?:$/.test(URL.parse(real)?.protocol ?? ''))
    throw new Error(`--real must be an address such as http://127.0.0.1:8188, not ${real}.`);
  const variable = `TESSERA_TEST_REAL_${engine.toUpperCase()}`;
  const details = DETAILS.flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [[`${variable}_${name.toUpperCase()}`, value] as const];
  });
  return { files: [suiteFile(engine)], env: { [variable]: real, ...Object.fromEntries(details) } };
}

if (import.meta.main) {
  try {
    const { files, env } = suiteOf(process.argv.slice(2));
    const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
    // A real engine on a slow machine may take its time: the bound is there for one that hangs.
    const patience = Object.keys(env).length > 0 ? ['--testTimeout=600000'] : [];
    const config = join('ops', 'vitest.config.ts');
    const { status } = spawnSync(
      process.execPath,
      [vitest, 'run', '--config', config, ...patience, ...files],
      { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...env } },
    );
    process.exitCode = status ?? 1;
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 2;
  }
}
