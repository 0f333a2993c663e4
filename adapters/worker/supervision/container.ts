// An engine as a Podman container. `podman run` stays in front of it: when that ends, the container has.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { PodmanStart } from '../config/engine-start.ts';
import type { Timers } from '../seams.ts';
import { engineEnvironment } from './environment.ts';
import type { EngineLog } from './engine-log.ts';
import { podman as ask } from './podman.ts';
import { containerEnvironment, networkArguments, runArguments } from './podman-run.ts';
import { assertPortIsFree } from './port.ts';
import { signalGroup } from './process-mark.ts';
import type { Life, Vessel } from './vessel.ts';

export interface ContainerOptions {
  readonly name: string;
  readonly podman: PodmanStart;
  readonly url: string;
  readonly device: string;
  /** The worker's own folder, which no other worker has. */
  readonly folder: string;
  readonly log: EngineLog;
  readonly timers: Timers;
}

const WORKER_LABEL = 'tessera.worker';
/** Podman itself takes a moment beyond the grace of what runs in it. */
const PODMAN_ITSELF_MS = 5_000;

/** Short and the same at every start of one worker: names what is ours among all containers. */
const idOf = (folder: string): string =>
  createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 12);

export function containerVessel(options: ContainerOptions): Vessel {
  const { podman, timers, name, folder } = options;
  const container = `tessera-${idOf(folder)}-${name}`;
  return {
    usesCard: podman.gpu,
    launch: async () => {
      await ask(['rm', '--force', '--ignore', '--time=5', container], timers);
      await assertPortIsFree(options.url);
      if (podman.network === 'internal') await ensureNetwork(container, timers);
      const args = runArguments({
        container,
        labels: { [WORKER_LABEL]: idOf(folder), 'tessera.engine': name },
        podman,
        device: podman.gpu ? options.device : null,
        isRootless: process.getuid?.() !== 0,
      });
      const child = spawn('podman', args, {
        env: { ...engineEnvironment(null), ...containerEnvironment(podman) },
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      options.log.follow([child.stdout, child.stderr]);
      const ended = new Promise<string>((settle) => {
        child.once('error', (error) => settle(`Podman could not be started: ${error.message}`));
        child.once('exit', (code, signal) => settle(signal ?? meaningOf(code)));
      });
      return lifeOf(container, ended, () => child.pid, timers);
    },
  };
}

function lifeOf(
  container: string,
  ended: Promise<string>,
  pid: () => number | undefined,
  timers: Timers,
): Life {
  const signalFront = (signal: NodeJS.Signals) => {
    const group = pid();
    if (group !== undefined) signalGroup(group, signal);
  };
  return {
    ended,
    stop: async (graceMs) => {
      const callOff = timers.after(graceMs + PODMAN_ITSELF_MS, () => signalFront('SIGKILL'));
      // TERM, and KILL when the time is over: Podman does both.
      const seconds = Math.ceil(graceMs / 1000);
      await ask(['stop', '--ignore', `--time=${seconds}`, container], timers);
      await ask(['rm', '--force', '--ignore', '--time=0', container], timers);
      await ended;
      callOff();
    },
    // Passed on to what runs inside; the next start finds what does not obey.
    abandon: () => signalFront('SIGTERM'),
    seesCard: async () => {
      const { code, said } = await ask(['exec', container, 'nvidia-smi', '-L'], timers);
      // Not in the image, or the container is gone: nobody can tell.
      if (code === null || code === 125 || code === 126 || code === 127) return null;
      return code === 0 && /^GPU \d+:/m.test(said);
    },
  };
}

async function ensureNetwork(name: string, timers: Timers): Promise<void> {
  if ((await ask(['network', 'exists', name], timers)).code === 0) return;
  const { code, said } = await ask(networkArguments(name), timers);
  if (code !== 0) throw new Error(`Podman could not make a network for the engine: ${said}`);
}

/** Removes every container that an earlier life of this worker left. */
export async function sweepContainers(folder: string, timers: Timers): Promise<string[]> {
  const ours = `--filter=label=${WORKER_LABEL}=${idOf(folder)}`;
  const { said, code } = await ask(['ps', '--all', ours, '--format={{.Names}}'], timers);
  const names = code === 0 ? said.split('\n').filter((name) => name.startsWith('tessera-')) : [];
  if (names.length > 0) await ask(['rm', '--force', '--time=5', ...names], timers);
  return names;
}

function meaningOf(code: number | null): string {
  if (code === 125) return 'Podman refused to run it';
  if (code === 126 || code === 127)
    return `the program in the image could not be started (exit code ${code})`;
  return `exit code ${code}`;
}
