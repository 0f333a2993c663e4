// An engine as a plain program of this machine, in a process group of its own.
import { spawn, type ChildProcess } from 'node:child_process';
import type { ProgramStart } from '../config/engine-start.ts';
import { hostSeesCard } from '../gpu.ts';
import { pause, type Timers } from '../seams.ts';
import { engineEnvironment } from './environment.ts';
import type { EngineLog } from './engine-log.ts';
import { MARK_VARIABLE, type Ledger } from './leftovers.ts';
import { groupMembers, processMark, signalGroup } from './process-mark.ts';
import { assertPortIsFree } from './port.ts';
import type { Life, Vessel } from './vessel.ts';

export interface ProgramOptions {
  readonly name: string;
  readonly program: ProgramStart;
  readonly url: string;
  /** The card by UUID; null: whatever the program finds. */
  readonly card: string | null;
  readonly log: EngineLog;
  readonly ledger: Ledger;
  readonly timers: Timers;
}

const LOOK_AGAIN_MS = 25;

export function programVessel(options: ProgramOptions): Vessel {
  const { program, ledger, name, timers } = options;
  return {
    usesCard: true,
    launch: async () => {
      await assertPortIsFree(options.url);
      const child = await spawned(options);
      const group = child.pid!;
      ledger.note(name, { pid: group, mark: processMark(group) });
      options.log.follow([child.stdout, child.stderr]);
      const ended = exitOf(child).then(async (how) => {
        // Children of the program would keep the port and the memory of the card.
        await endGroup(group, timers);
        ledger.strike(name);
        return how;
      });
      return lifeOf(group, ended, timers);
    },
  };

  function spawned({ card }: ProgramOptions): Promise<ChildProcess> {
    const [file = '', ...args] = program.command;
    const child = spawn(file, args, {
      ...(program.cwd === undefined ? {} : { cwd: program.cwd }),
      env: {
        ...engineEnvironment(card),
        ...program.env,
        [MARK_VARIABLE]: ledger.markOf(name),
      },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new Promise((resolve, reject) => {
      child.once('spawn', () => resolve(child));
      child.once('error', (error: NodeJS.ErrnoException) => {
        const why = error.code === 'ENOENT' ? 'there is no such program or folder' : error.message;
        reject(new Error(`${file} could not be started: ${why}.`));
      });
    });
  }
}

function lifeOf(group: number, ended: Promise<string>, timers: Timers): Life {
  return {
    ended,
    stop: async (graceMs) => {
      signalGroup(group, 'SIGTERM');
      const callOff = timers.after(graceMs, () => signalGroup(group, 'SIGKILL'));
      await ended;
      callOff();
    },
    abandon: () => signalGroup(group, 'SIGKILL'),
    // It runs on this machine itself: what the machine sees, it can see.
    seesCard: () => hostSeesCard(timers),
  };
}

const exitOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });

async function endGroup(group: number, timers: Timers): Promise<void> {
  while (groupMembers(group).length > 0) {
    signalGroup(group, 'SIGKILL');
    await pause(timers, LOOK_AGAIN_MS, new AbortController().signal);
  }
}
