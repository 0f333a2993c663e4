// What card this machine has, asked once from the driver's own tool. No card is an ordinary answer.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export interface GpuFacts {
  readonly name: string;
  readonly vramBytes: number;
}

const ASK = ['--query-gpu=name,memory.total', '--format=csv,noheader,nounits'];

export async function readGpu(): Promise<GpuFacts | null> {
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', ASK, { timeout: 10_000 });
    return parseGpu(stdout);
  } catch {
    return null;
  }
}

/** The first card's line, such as `NVIDIA GeForce RTX 4080, 16376` (mebibytes). */
export function parseGpu(text: string): GpuFacts | null {
  const [line] = text.split('\n');
  const match = /^(.+), (\d+)\s*$/.exec(line ?? '');
  if (match === null) return null;
  return { name: match[1]!.slice(0, 200), vramBytes: Number(match[2]) * 1024 * 1024 };
}
