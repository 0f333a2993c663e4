// What a killed worker left running. Every engine that was started is noted in a file until it has ended;
// the next start of the same worker ends what is still noted, and nothing else.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { pause, type Log, type Timers } from '../seams.ts';
import { environmentOf, groupMembers, processMark, signalGroup } from './process-mark.ts';

const note = z.object({ pid: z.number().int().min(2), mark: z.string().nullable() });
type Note = z.infer<typeof note>;

export interface Ledger {
  note(name: string, process: Note): void;
  strike(name: string): void;
  /** Proves that a process was started by us when its leader, whose beginning is noted, is gone. */
  markOf(name: string): string;
  /** Ends what is noted from an earlier life of this worker. */
  sweep(log: Log, timers: Timers): Promise<void>;
}

export const MARK_VARIABLE = 'TESSERA_ENGINE_OF';
const GRACE_MS = 5_000;
const LOOK_AGAIN_MS = 50;

/** @param folder of one worker; whoever holds it is alone with it */
export function openLedger(folder: string): Ledger {
  mkdirSync(folder, { recursive: true });
  const fileOf = (name: string) => join(folder, `${name}.pid`);
  const markOf = (name: string) => fileOf(name);
  return {
    note: (name, process) => writeFileSync(fileOf(name), JSON.stringify(process)),
    strike: (name) => rmSync(fileOf(name), { force: true }),
    markOf,
    sweep: async (log, timers) => {
      const files = readdirSync(folder).filter((file) => file.endsWith('.pid'));
      const names = files.map((file) => file.slice(0, -'.pid'.length));
      await Promise.all(
        names.map(async (name) => {
          const noted = read(fileOf(name));
          if (noted !== null && isStillOurs(noted, markOf(name))) {
            log.warn(
              { engine: name, ...noted },
              'An engine of an earlier worker still runs: ended',
            );
            await end(noted.pid, timers);
          }
          rmSync(fileOf(name), { force: true });
        }),
      );
    },
  };
}

function isStillOurs({ pid, mark }: Note, variable: string): boolean {
  const now = processMark(pid);
  if (now !== null) return now === mark;
  // The leader is gone. Its children keep the group's number taken, and carry our mark.
  const marked = `${MARK_VARIABLE}=${variable}`;
  return groupMembers(pid).some((member) => environmentOf(member).split('\0').includes(marked));
}

async function end(group: number, timers: Timers): Promise<void> {
  const never = new AbortController().signal;
  signalGroup(group, 'SIGTERM');
  for (let waitedMs = 0; groupMembers(group).length > 0; waitedMs += LOOK_AGAIN_MS) {
    if (waitedMs >= GRACE_MS) signalGroup(group, 'SIGKILL');
    await pause(timers, LOOK_AGAIN_MS, never);
  }
}

function read(file: string): Note | null {
  try {
    return note.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return null; // cut short by a crash
  }
}
