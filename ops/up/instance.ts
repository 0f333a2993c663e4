// One instance per home. The lock is a file that names its holder; a holder that is gone (kill -9, power
// cut) leaves it behind, and the next start takes it over.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

const instanceFile = z.object({
  pid: z.number().int().positive(),
  /** When that process began, as the system tells it: pids are used again. */
  processMark: z.string().nullable(),
  startedAt: z.string(),
  /** What it is: `up`, or a command that needs the database to itself for a moment. */
  command: z.string(),
  address: z.string().nullable(),
  databaseUrl: z.string().nullable(),
});
export type Instance = z.infer<typeof instanceFile>;

export class InstanceRunning extends Error {
  override readonly name = 'InstanceRunning';
  readonly instance: Instance;
  constructor(instance: Instance, folder: string) {
    const where = instance.address === null ? '' : ` at ${instance.address}`;
    super(
      `Tessera is already running${where} with its data in ${folder} (\`${instance.command}\`, pid ` +
        `${instance.pid}, since ${instance.startedAt}). Stop it first, or set TESSERA_HOME and PORT ` +
        'to start a second one beside it.',
    );
    this.instance = instance;
  }
}

export interface InstanceLock {
  update(facts: Partial<Pick<Instance, 'address' | 'databaseUrl'>>): void;
  release(): void;
}

const ATTEMPTS = 10;

export function takeInstanceLock(path: string, command: string): InstanceLock {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true });
  let instance: Instance = {
    pid: process.pid,
    processMark: processMark(process.pid),
    startedAt: new Date().toISOString(),
    command,
    address: null,
    databaseUrl: null,
  };
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, JSON.stringify(instance), { mode: 0o600 });
  try {
    for (let attempt = 0; !linked(draft, path); attempt += 1) {
      const holder = readInstance(path);
      if (holder !== null && isAlive(holder)) throw new InstanceRunning(holder, folder);
      if (attempt === ATTEMPTS) throw new Error(`${path} could not be taken over; delete it.`);
      removeStale(path, holder);
    }
  } finally {
    rmSync(draft, { force: true });
  }
  const isOurs = (): boolean => readInstance(path)?.startedAt === instance.startedAt;
  return {
    update: (facts) => {
      instance = { ...instance, ...facts };
      writeFileSync(draft, JSON.stringify(instance), { mode: 0o600 });
      renameSync(draft, path);
    },
    release: () => {
      if (isOurs()) rmSync(path, { force: true });
    },
  };
}

/** The instance that runs in this home now; null when there is none. */
export function runningInstance(path: string): Instance | null {
  const instance = readInstance(path);
  return instance !== null && isAlive(instance) ? instance : null;
}

/** `link` fails where the name exists and shows the whole content at once where it does not. */
function linked(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Two starts may find the same stale file: what was moved away is looked at before it is dropped. */
function removeStale(path: string, stale: Instance | null): void {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = readInstance(aside);
  if (moved !== null && moved.startedAt !== stale?.startedAt && isAlive(moved)) linked(aside, path);
  rmSync(aside, { force: true });
}

function readInstance(path: string): Instance | null {
  try {
    return instanceFile.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    // Absent, or cut short by a crash: nobody holds it either way.
    return null;
  }
}

const isAlive = ({ pid, processMark: mark }: Instance): boolean =>
  isRunning(pid) && (mark === null || processMark(pid) === mark);

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return processMark(pid) !== ENDED;
}

/** A process that has ended and whose parent has not yet asked for its exit code. */
const ENDED = 'ended';

export function processMark(pid: number): string | null {
  try {
    if (process.platform === 'linux') {
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The name in brackets may hold anything; field 22, the start, is the 20th after it.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' ? ENDED : `${boot}:${fields[19]}`;
    }
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
}
