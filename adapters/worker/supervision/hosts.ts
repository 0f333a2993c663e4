// From what is configured to engines that are kept alive: the one place that knows all three ways.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineEntry } from '../config/engines-file.ts';
import type { EngineStart } from '../config/engine-start.ts';
import type { EngineHost } from '../engine-host.ts';
import { hostSeesCard, WSL_FOLDER, type GpuCard } from '../gpu.ts';
import { systemSeams, type Log, type Seams } from '../seams.ts';
import { containerVessel, sweepContainers } from './container.ts';
import { openEngineLog } from './engine-log.ts';
import { externalHost } from './external.ts';
import { openLedger } from './leftovers.ts';
import { programVessel } from './program.ts';
import { supervise } from './supervisor.ts';
import { watchEngine } from './watched-engine.ts';

export interface HostsOptions {
  readonly entries: readonly EngineEntry[];
  /** Of this worker alone: outputs of its engines, and which of them run. */
  readonly folder: string;
  readonly card: GpuCard | null;
  /** Several cards: an engine then gets its own only. */
  readonly hasOtherCards: boolean;
  readonly log: Log;
  readonly seams?: Partial<Pick<Seams, 'timers' | 'random'>>;
}

export interface Hosts {
  readonly all: readonly EngineHost[];
  /** Ends what an earlier life of this worker left, then starts everything; does not wait until it serves. */
  start(): Promise<void>;
  /** Resolves when every engine has ended. */
  stop(): Promise<void>;
  /** For the last moment of our own process. */
  abandon(): void;
}

interface Kept extends EngineHost {
  start?(): void;
  stop?(): Promise<void>;
  abandon?(): void;
}

/** @throws Error when an engine cannot be made of its settings */
export async function openHosts(options: HostsOptions): Promise<Hosts> {
  const { entries, folder, log } = options;
  const seams = { ...systemSeams, ...options.seams };
  const ledger = openLedger(folder);
  const kept = await Promise.all(entries.map(hostOf));
  const usesPodman = entries.some(({ start }) => start?.by === 'podman');

  async function hostOf({ name, url, create, pinned, start }: EngineEntry): Promise<Kept> {
    const watched = watchEngine(await create(), name);
    if (url === null) return { engine: watched.engine, pinned, restart: null };
    if (start === null) return externalHost({ name, watched, pinned, log, timers: seams.timers });
    const output = openEngineLog(join(folder, `${name}.log`));
    return supervise({
      name,
      watched,
      pinned,
      vessel: vesselOf(name, url, start, output),
      output,
      log,
      timers: seams.timers,
      random: seams.random,
      hostSeesCard: () => hostSeesCard(seams.timers),
    });
  }

  function vesselOf(
    name: string,
    url: string,
    start: EngineStart,
    output: ReturnType<typeof openEngineLog>,
  ) {
    const common = { name, url, folder, ledger, log: output, timers: seams.timers };
    const { card, hasOtherCards } = options;
    const uuid = hasOtherCards ? (card?.uuid ?? null) : null;
    if (start.by === 'command') {
      return programVessel({ ...common, program: start.program, card: uuid });
    }
    // WSL2 describes its cards as one; there only the variable chooses.
    const isOwn = card !== null && hasOtherCards && !existsSync(WSL_FOLDER);
    const own = uuid === null ? {} : { CUDA_VISIBLE_DEVICES: uuid };
    return containerVessel({
      ...common,
      podman: { ...start.podman, env: { ...own, ...start.podman.env } },
      device: `nvidia.com/gpu=${isOwn ? card.index : 'all'}`,
    });
  }

  return {
    all: kept,
    start: async () => {
      await ledger.sweep(log, seams.timers);
      if (usesPodman) {
        const left = await sweepContainers(folder, seams.timers);
        if (left.length > 0) log.warn({ left }, 'Containers of an earlier worker: removed');
      }
      for (const host of kept) host.start?.();
    },
    stop: async () => {
      await Promise.all(kept.map(async (host) => host.stop?.()));
      await Promise.all(kept.map(({ engine }) => engine.close()));
    },
    abandon: () => {
      for (const host of kept) host.abandon?.();
    },
  };
}
