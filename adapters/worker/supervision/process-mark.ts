// Whose a process id is: the system uses ids again, so a bare one proves nothing.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** When the process began, as the system tells it; null when there is none, or only its remains. */
export function processMark(pid: number): string | null {
  try {
    if (process.platform !== 'linux') {
      const began = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
      return began.trim() || null;
    }
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const fields = statOf(pid);
    return fields.state === 'Z' ? null : `${boot}:${fields.startedAt}`;
  } catch {
    return null;
  }
}

/** Those of a process group that still run. */
export function groupMembers(group: number): number[] {
  if (process.platform !== 'linux') return isGroupAlive(group) ? [group] : [];
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid)) return [];
    try {
      const { state, group: its } = statOf(pid);
      return its === group && state !== 'Z' ? [pid] : [];
    } catch {
      return []; // it has just ended
    }
  });
}

/** Variables a process was started with; '' where they cannot be read. */
export function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return '';
  }
}

export function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch (error) {
    // Gone already.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function isGroupAlive(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}

function statOf(pid: number): { state: string; group: number; startedAt: string } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in brackets may hold anything. State, parent, group; the start is the 20th after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', group: Number(fields[2]), startedAt: fields[19] ?? '' };
}
