// Processor time of other processes, from /proc: seconds used so far. Elsewhere than on Linux it is not known.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

interface Usage {
  readonly parent: number;
  readonly own: number;
  /** Of children that have ended. */
  readonly reaped: number;
}

let ticks: number | null = null;
const ticksPerSecond = (): number =>
  (ticks ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })));

function usageOf(pid: number | string): Usage | null {
  try {
    // The name may hold spaces and brackets; the fields come after its last bracket.
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '');
    const field = (n: number): number => Number(text.split(' ')[n - 3]);
    const seconds = (n: number): number => field(n) / ticksPerSecond();
    return { parent: field(4), own: seconds(14) + seconds(15), reaped: seconds(16) + seconds(17) };
  } catch {
    return null;
  }
}

/** A process with all its children, living and ended; for a database server, the whole cluster. */
export function familySeconds(pid: number): number {
  const head = usageOf(pid);
  if (!head) return Number.NaN;
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(usageOf)
    .filter((usage) => usage?.parent === pid);
  return children.reduce((sum, usage) => sum + usage!.own, head.own + head.reaped);
}

/** NaN when there is no such process here. */
export const parentOf = (pid: number): number => usageOf(pid)?.parent ?? Number.NaN;

/** Seconds that this process has used. */
export function ownSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
