// What tests that start `tessera` share: a clean environment, a folder, and an end for what they started.
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment } from '../runtime/config.ts';
import { homeAt, REPOSITORY } from './cli/home.ts';

/** The environment without any setting of Tessera: a developer's own must not leak into a test. */
export function cleanEnvironment(settings: Record<string, string>): NodeJS.ProcessEnv {
  const known = new Set(Object.keys(environment.shape));
  const rest = Object.entries(process.env).filter(
    ([name]) => !known.has(name) && !name.startsWith('TESSERA_'),
  );
  return { ...Object.fromEntries(rest), ...settings };
}

/** Open to walk through: PostgreSQL, which root runs as somebody else, must get in. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `tessera-${name}-`));
  chmodSync(folder, 0o711);
  return folder;
}

export const removeFolder = (folder: string): void =>
  rmSync(folder, { recursive: true, force: true });

/** A running command, with everything that it has said so far. */
export interface Tessera {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves with the match once either stream has said it; rejects when the command ends before. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

export function startTessera(args: readonly string[], env: NodeJS.ProcessEnv): Tessera {
  const main = join(REPOSITORY, 'ops', 'cli', 'main.ts');
  return listenTo(process.execPath, [main, ...args], env);
}

export const npmStart = (env: NodeJS.ProcessEnv): Tessera => listenTo('npm', ['start'], env);

function listenTo(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Tessera {
  const child = spawn(command, args, { cwd: REPOSITORY, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
      listeners.forEach((listener) => listener());
    });
  }
  const ended = new Promise<Awaited<Tessera['ended']>>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const says = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(said.stdout) ?? pattern.exec(said.stderr);
        if (match === null) return;
        listeners.delete(look);
        resolve(match);
      };
      listeners.add(look);
      look();
      void ended.then(() =>
        reject(new Error(`tessera ended without saying ${pattern}:\n${said.stderr}`)),
      );
    });
  return { child, stdout: () => said.stdout, stderr: () => said.stderr, says, ended };
}

/** Everything that is worth knowing about a failed run is in what it said. */
export async function endTessera(tessera: Tessera): Promise<void> {
  tessera.child.kill('SIGTERM');
  await tessera.ended;
}

/** The newest process that wrote to a child's log; 0 before any did. */
export function pidOf(home: string, name: 'runtime' | 'worker'): number {
  const file = homeAt(home).log(name);
  const pids = existsSync(file) ? readFileSync(file, 'utf8').matchAll(/"pid":(\d+)/g) : [];
  return Number([...pids].at(-1)?.[1] ?? 0);
}

/** Free now; whoever starts on it must be quick. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
