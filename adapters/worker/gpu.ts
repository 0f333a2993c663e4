// What the driver's own tool says of the graphics cards. No card is an ordinary answer, and what the tool
// does not tell stays unknown: null, never a guess.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { systemSeams, type Timers } from './seams.ts';

export interface GpuCard {
  readonly index: number;
  readonly uuid: string | null;
  readonly name: string;
  /** Under WSL2 that of Windows, whose numbers differ from those of Linux. */
  readonly driver: string | null;
  /** Such as `8.9`. */
  readonly computeCapability: string | null;
  readonly memoryBytes: number | null;
  readonly usedBytes: number | null;
}

export interface GpuReport {
  readonly cards: readonly GpuCard[];
  /** The newest CUDA that the driver can run, such as `12.8`. */
  readonly cudaVersion: string | null;
  readonly problem: 'missing' | 'fails' | 'hangs' | null;
  /** Its own words where it failed. */
  readonly said: string;
}

/** What the runtime is told. Memory that is not known counts as 0 there. */
export interface GpuFacts {
  readonly name: string;
  readonly vramBytes: number;
}

/** A driver in trouble leaves its tool hanging in the kernel, for ever and deaf to signals. */
const PATIENCE_MS = 5_000;
const OUTPUT_LENGTH_MAX = 100_000;
/** Windows puts its driver's tools there; services often run without it in their PATH. */
export const WSL_FOLDER = '/usr/lib/wsl/lib';
const FIELDS = ['index', 'uuid', 'name', 'driver_version', 'memory.total', 'memory.used'];

export async function askGpus(timers: Timers = systemSeams.timers): Promise<GpuReport> {
  const query = (fields: readonly string[]) =>
    nvidiaSmi([`--query-gpu=${fields.join(',')}`, '--format=csv,noheader,nounits'], timers);
  const [full, header] = await Promise.all([
    query([...FIELDS, 'compute_cap']),
    nvidiaSmi([], timers),
  ]);
  // Drivers before 510 do not know the field and answer nothing at all because of it.
  const rows =
    full.problem === 'fails' && /not a valid field/.test(full.said) ? query(FIELDS) : full;
  const { said, problem } = await rows;
  if (problem !== null) return { cards: [], cudaVersion: null, problem, said: said.slice(0, 300) };
  const cards = parseCards(said);
  return {
    cards,
    cudaVersion: parseCudaVersion(header.said),
    problem: cards.length === 0 ? 'fails' : null,
    said: cards.length === 0 ? said.trim().slice(0, 300) : '',
  };
}

/** One line per card, such as `0, GPU-5a.., NVIDIA GeForce RTX 4080, 570.86, 16376, 812, 8.9`. */
export function parseCards(text: string): GpuCard[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(', ').map((field) => field.trim());
    const [index = '', uuid = '', name = '', driver = '', total = '', used = '', cap = ''] = fields;
    if (!/^\d+$/.test(index) || name === '') return [];
    return {
      index: Number(index),
      uuid: /^GPU-[\w-]+$/.test(uuid) ? uuid : null,
      name: name.slice(0, 200),
      driver: /^\d+\.\d+/.test(driver) ? driver : null,
      computeCapability: /^\d+\.\d+$/.test(cap) ? cap : null,
      memoryBytes: bytesOf(total),
      usedBytes: bytesOf(used),
    };
  });
}

/** `[N/A]` where memory is shared with the machine or the driver does not tell. */
const bytesOf = (mebibytes: string): number | null =>
  /^\d+$/.test(mebibytes) ? Number(mebibytes) * 1024 * 1024 : null;

/** Only the table that people read names it; newer drivers call it `CUDA UMD Version`. */
export const parseCudaVersion = (text: string): string | null =>
  /CUDA (?:UMD )?Version\s*:\s*(\d+\.\d+)/.exec(text)?.[1] ?? null;

/** By index or UUID; the first where nothing is asked for; undefined where the machine has no such card. */
export function chooseCard(cards: readonly GpuCard[], wanted: string | null): GpuCard | undefined {
  if (wanted === null) return cards[0];
  return cards.find(({ index, uuid }) => String(index) === wanted || uuid === wanted);
}

export const factsOf = ({ name, memoryBytes }: GpuCard): GpuFacts => ({
  name,
  vramBytes: memoryBytes ?? 0,
});

/** Asks for the memory in use on one card, by whatever process. */
export function cardUsedBytes(
  { uuid, index }: Pick<GpuCard, 'uuid' | 'index'>,
  timers: Timers = systemSeams.timers,
): () => Promise<number | null> {
  const card = `--id=${uuid ?? index}`;
  const ask = [card, '--query-gpu=memory.used', '--format=csv,noheader,nounits'];
  return async () => {
    const { said, problem } = await nvidiaSmi(ask, timers);
    return problem === null ? bytesOf(said.trim()) : null;
  };
}

/** Can the driver of this machine still reach a card? Null where nobody can tell. */
export async function hostSeesCard(timers: Timers = systemSeams.timers): Promise<boolean | null> {
  const { said, problem } = await nvidiaSmi(['-L'], timers);
  return problem === 'missing' ? null : problem === null && /^GPU \d+:/m.test(said);
}

interface Answer {
  readonly said: string;
  readonly problem: GpuReport['problem'];
}

function nvidiaSmi(args: readonly string[], timers: Timers): Promise<Answer> {
  return new Promise((resolve) => {
    const child = spawn(command(), args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    const hear = (chunk: string) => {
      if (said.length < OUTPUT_LENGTH_MAX) said += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', hear);
    child.stderr.setEncoding('utf8').on('data', hear);
    const callOff = timers.after(PATIENCE_MS, () => {
      // It may never end: nobody waits for it, and it keeps nobody alive.
      child.kill('SIGKILL');
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
      resolve({ said: '', problem: 'hangs' });
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      callOff();
      resolve({ said: error.message, problem: error.code === 'ENOENT' ? 'missing' : 'fails' });
    });
    child.once('close', (code) => {
      callOff();
      resolve({ said, problem: code === 0 ? null : 'fails' });
    });
  });
}

function command(): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = [...folders, WSL_FOLDER].find((folder) => existsSync(join(folder, 'nvidia-smi')));
  return found === undefined ? 'nvidia-smi' : join(found, 'nvidia-smi');
}
