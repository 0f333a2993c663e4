// The commands that `up` runs beside itself: the runtime and this machine's worker.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { type Home, REPOSITORY } from '../cli/home.ts';
import { followLogs } from './log-lines.ts';
import { keepRunning, type RestartingChild } from './restarting-child.ts';

/** Most of what a turn makes is garbage at its end: with more room it is collected a third as often. */
export const V8_FLAGS = ['--max-semi-space-size=64'];

export interface ChildrenOptions {
  readonly home: Home;
  readonly tell: (line: string) => void;
  readonly say: (sentence: string) => void;
  /** A child would not have its settings. */
  readonly onRefused: () => void;
}

/** `env` is asked at every start: the database may have moved. */
export function startCommand(
  name: 'runtime' | 'worker',
  env: () => NodeJS.ProcessEnv,
  { home, tell, say, onRefused }: ChildrenOptions,
): RestartingChild {
  const follow = followLogs({ name, file: home.log(name), show: tell });
  const main = join(REPOSITORY, 'ops', 'cli', 'main.ts');
  const start = (): ChildProcess => {
    const child = spawn(process.execPath, [...V8_FLAGS, main, name], {
      env: { ...process.env, TESSERA_HOME: home.folder, ...env() },
      // The channel closes when this process is gone, even by kill -9: the child then stops by itself.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Its own process group: Ctrl-C in the terminal is for us, who stop things in their order.
      detached: true,
    });
    follow([child.stdout, child.stderr]);
    return child;
  };
  return keepRunning({ name, spawn: start, say, onRefused });
}
