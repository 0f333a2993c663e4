// Looks at the machine, the engines and the runtime. Changes nothing, starts nothing, and always comes back.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  BadEngines,
  readEngines,
  type EngineEntry,
  type EngineSources,
} from '../config/engines-file.ts';
import { askGpus, chooseCard } from '../gpu.ts';
import { podman } from '../supervision/podman.ts';
import { systemSeams } from '../seams.ts';
import type { DiskFacts, Facts, PodmanFacts, RuntimeFacts } from './facts.ts';
import { gatherEngine } from './gather-engines.ts';

export interface CheckOptions {
  readonly url: string;
  readonly key: string | null;
  /** There is an enrolment token to get a key for. */
  readonly hasToken: boolean;
  readonly gpu: string | null;
  readonly engines: EngineSources;
  /** Where results are kept. */
  readonly home: string;
}

const PATIENCE_MS = 5_000;
const PODMAN_PATIENCE_MS = 20_000;
const WSL_LIBRARY = '/usr/lib/wsl/lib/libcuda.so.1';

export async function gatherFacts(options: CheckOptions): Promise<Facts> {
  const { entries, sentences } = readOrComplain(options.engines);
  const [gpu, engines, podmanFacts, disks, runtime] = await Promise.all([
    askGpus(),
    Promise.all(entries.map(gatherEngine)),
    gatherPodman(entries),
    gatherDisks(entries, options.home),
    gatherRuntime(options),
  ]);
  const chosen = chooseCard(gpu.cards, options.gpu) ?? null;
  return {
    machine: {
      node: process.versions.node,
      isWsl: isWsl(),
      hasWslLibrary: existsSync(WSL_LIBRARY),
    },
    gpu: { ...gpu, wanted: options.gpu, chosen },
    podman: podmanFacts,
    disks,
    file: { path: options.engines.file, sentences },
    engines,
    runtime,
  };
}

function readOrComplain(sources: EngineSources) {
  try {
    return { entries: readEngines(sources), sentences: [] };
  } catch (error) {
    if (error instanceof BadEngines) return { entries: [], sentences: error.sentences };
    throw error;
  }
}

function isWsl(): boolean {
  try {
    return /microsoft/i.test(readFileSync('/proc/version', 'utf8'));
  } catch {
    return false;
  }
}

async function gatherPodman(entries: readonly EngineEntry[]): Promise<PodmanFacts> {
  const images = entries.flatMap(({ start }) => (start?.by === 'podman' ? start.podman.image : []));
  const ask = (...args: string[]) => podman(args, systemSeams.timers, PODMAN_PATIENCE_MS);
  const version = images.length === 0 ? null : await ask('--version');
  const known = /(\d+\.\d+(\.\d+)?)/.exec(version?.code === 0 ? version.said : '')?.[1] ?? null;
  const missing = await Promise.all(
    (known === null ? [] : [...new Set(images)]).map(async (image) =>
      (await ask('image', 'exists', image)).code === 0 ? [] : image,
    ),
  );
  return {
    version: known,
    hasCdiSpec: ['/etc/cdi', '/var/run/cdi', join(homedir(), '.config/cdi')].some(namesCards),
    missingImages: missing.flat(),
    isRoot: process.getuid?.() === 0,
  };
}

function namesCards(folder: string): boolean {
  try {
    return readdirSync(folder).some((file) =>
      readFileSync(join(folder, file), 'utf8').includes('nvidia.com/gpu'),
    );
  } catch {
    return false;
  }
}

async function gatherDisks(entries: readonly EngineEntry[], home: string): Promise<DiskFacts[]> {
  const volumes = entries.flatMap(({ start }) =>
    start?.by === 'podman' ? start.podman.volumes : [],
  );
  const folders = [
    ...volumes.map(({ host }) => ({ what: 'models', folder: host }) as const),
    { what: 'results', folder: home } as const,
  ];
  return Promise.all(folders.map(async (disk) => ({ ...disk, freeBytes: await freeBytes(disk) })));
}

async function freeBytes({ what, folder }: Omit<DiskFacts, 'freeBytes'>): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    // The home is made at the first start: what counts is the disk it will lie on.
    const above = dirname(folder);
    return what === 'results' && above !== folder ? freeBytes({ what, folder: above }) : null;
  }
}

export async function gatherRuntime({
  url,
  key,
  hasToken,
}: Pick<CheckOptions, 'url' | 'key' | 'hasToken'>): Promise<RuntimeFacts> {
  const without = key === null ? (hasToken ? 'token' : 'none') : null;
  try {
    const askedAt = Date.now();
    const health = await fetch(new URL('/healthz', url), {
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const now = (askedAt + Date.now()) / 2;
    const told = Date.parse(health.headers.get('date') ?? '');
    const skewMs = Number.isNaN(told) ? null : Math.round(now - told);
    const problem = health.ok ? null : `it says ${health.status}`;
    return { url, problem, skewMs, key: without ?? (await judgeKey(url, key ?? '')) };
  } catch (error) {
    const { message, cause } = error as Error;
    const { code } = (cause ?? {}) as NodeJS.ErrnoException;
    return { url, problem: code ?? message, skewMs: null, key: without ?? 'unknown' };
  }
}

/** Asks for a file of no job: who may not ask at all hears so first. */
async function judgeKey(url: string, key: string): Promise<RuntimeFacts['key']> {
  const answer = await fetch(new URL('/v1/workers/jobs/check/inputs/0', url), {
    headers: { authorization: `Bearer ${key}` },
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (answer.status === 401 || answer.status === 403) return 'refused';
  return answer.status < 500 && answer.status !== 429 ? 'accepted' : 'unknown';
}
