// Short questions to Podman. Whatever it does, an answer comes.
import { spawn } from 'node:child_process';
import { systemSeams, type Timers } from '../seams.ts';
import { engineEnvironment } from './environment.ts';

export interface PodmanAnswer {
  /** Null: there is no Podman, or it did not answer in time. */
  readonly code: number | null;
  /** Both of its streams; at most a few thousand characters. */
  readonly said: string;
}

const PATIENCE_MS = 60_000;
const SAID_LENGTH_MAX = 64_000;

export function podman(
  args: readonly string[],
  timers: Timers = systemSeams.timers,
  patienceMs: number = PATIENCE_MS,
): Promise<PodmanAnswer> {
  return new Promise((resolve) => {
    const child = spawn('podman', args, {
      env: engineEnvironment(null),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    const hear = (chunk: string) => {
      if (said.length < SAID_LENGTH_MAX) said += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    const callOff = timers.after(patienceMs, () => {
      child.kill('SIGKILL');
      child.unref();
      resolve({ code: null, said: 'Podman did not answer.' });
    });
    child.once('error', (error) => {
      callOff();
      resolve({ code: null, said: error.message });
    });
    child.once('close', (code) => {
      callOff();
      resolve({ code, said: said.trim() });
    });
  });
}
