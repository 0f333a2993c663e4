// Looking at, waiting for and ending a postgres process, ours or one left over by a killed parent.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface PidFile {
  readonly pid: number;
  readonly port: number;
  readonly ready: boolean;
}

/** `postmaster.pid`, written by the server itself; null when there is none or it is not whole yet. */
export async function readPidFile(data: string): Promise<PidFile | null> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  const lines = text.split('\n').map((line) => line.trim());
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 1) return null;
  return { pid, port: Number(lines[3]), ready: lines[7] === 'ready' };
}

/**
 * Is this pid a postgres on this data folder? A bare pid proves nothing: after a reboot it may belong to
 * anybody, and a zombie still answers signal 0.
 */
export function isServerOf(pid: number, data: string): boolean {
  return commandLine(pid).includes(`-D ${data} -c`);
}

/** A zombie does not run, although it answers signal 0. */
export const isRunning = (pid: number): boolean => commandLine(pid).trim() !== '';

function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux') {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    }
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

/** Polls until it is true; false when time is up. The things waited for here send no signal. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  limitMs: number,
): Promise<boolean> {
  const end = performance.now() + limitMs;
  for (;;) {
    if (await condition()) return true;
    if (performance.now() >= end) return false;
    await delay(25);
  }
}

const FAST_MS = 30_000;
const IMMEDIATE_MS = 5_000;

/**
 * Fast shutdown (clients are cut off, nothing is lost); where that hangs an immediate one (recovery on the
 * next start); where even that hangs, SIGKILL to the whole process group.
 */
export async function stopServer(pid: number, data: string): Promise<void> {
  const gone = () => !isServerOf(pid, data);
  signal(pid, 'SIGINT');
  if (await until(gone, FAST_MS)) return;
  signal(pid, 'SIGQUIT');
  if (await until(gone, IMMEDIATE_MS)) return;
  signal(-pid, 'SIGKILL');
  await until(gone, IMMEDIATE_MS);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
