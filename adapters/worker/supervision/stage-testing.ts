// An engine, its vessel and a clock, all in a test's hand.
import { createManualClock, type ManualClock } from '../clock-testing.ts';
import { createHeldEngine, type HeldEngine } from '../engine-testing.ts';
import type { Log } from '../seams.ts';
import { supervise, type Supervisor } from './supervisor.ts';
import type { Life, Vessel } from './vessel.ts';
import { watchEngine } from './watched-engine.ts';

export interface HeldLife extends Life {
  die(how: string): void;
  readonly isStopped: () => boolean;
}

export interface SupervisorStage {
  readonly clock: ManualClock;
  readonly supervisor: Supervisor;
  readonly engine: HeldEngine;
  /** What was logged, as `level: sentence`. */
  readonly logged: string[];
  readonly downs: string[];
  /** What the test decides; a health of null is good. */
  readonly world: {
    health: string | null;
    launchFails: string | null;
    inside: boolean | null;
    host: boolean | null;
  };
  /** The next life that was launched. */
  nextLife(): Promise<HeldLife>;
  /** A line on the engine's output. */
  say(line: string): void;
  /** Waits until a sentence like this was logged. */
  logs(pattern: RegExp): Promise<string>;
}

export function setSupervisorStage(): SupervisorStage {
  const clock = createManualClock();
  const engine = createHeldEngine();
  const world: SupervisorStage['world'] = {
    health: null,
    launchFails: null,
    inside: null,
    host: null,
  };
  const logged: string[] = [];
  const downs: string[] = [];
  const watchers = new Set<() => void>();
  const log = recordingLog(logged, watchers);
  const lives = queue<HeldLife>();
  const lineListeners = new Set<(line: string) => void>();
  engine.probe = async () => {
    if (world.health !== null) throw new Error(world.health);
  };
  const vessel: Vessel = {
    usesCard: true,
    launch: async () => {
      if (world.launchFails !== null) throw new Error(world.launchFails);
      const life = heldLife(world);
      lives.put(life);
      return life;
    },
  };
  const supervisor = supervise({
    name: 'held',
    watched: watchEngine(engine, 'held'),
    pinned: ['alpha'],
    vessel,
    output: {
      file: '/logs/held.log',
      follow: () => undefined,
      onLine: (listener, signal) => {
        lineListeners.add(listener);
        signal.addEventListener('abort', () => lineListeners.delete(listener));
      },
      lastWords: () => 'no such file',
      setStarting: () => undefined,
      close: () => undefined,
    },
    log,
    timers: clock,
    random: () => 1,
    hostSeesCard: async () => world.host,
  });
  supervisor.onDown?.((reason) => void downs.push(reason));
  return {
    clock,
    supervisor,
    engine,
    logged,
    downs,
    world,
    nextLife: lives.take,
    say: (line) => lineListeners.forEach((listener) => listener(line)),
    logs: (pattern) =>
      new Promise((resolve) => {
        const look = () => {
          const found = logged.find((sentence) => pattern.test(sentence));
          if (found === undefined) return;
          watchers.delete(look);
          resolve(found);
        };
        watchers.add(look);
        look();
      }),
  };
}

function heldLife(world: SupervisorStage['world']): HeldLife {
  const ended = Promise.withResolvers<string>();
  let isStopped = false;
  return {
    ended: ended.promise,
    die: ended.resolve,
    isStopped: () => isStopped,
    stop: async () => {
      isStopped = true;
      ended.resolve('SIGTERM');
    },
    abandon: () => ended.resolve('SIGKILL'),
    seesCard: async () => world.inside,
  };
}

function recordingLog(logged: string[], watchers: ReadonlySet<() => void>): Log {
  const write = (level: string) => (_facts: object, message: string) => {
    logged.push(`${level}: ${message}`);
    for (const watch of [...watchers]) watch();
  };
  return { info: write('info'), warn: write('warn'), error: write('error') };
}

function queue<T>() {
  const items: T[] = [];
  const takers: ((item: T) => void)[] = [];
  return {
    put: (item: T) => {
      const taker = takers.shift();
      if (taker === undefined) items.push(item);
      else taker(item);
    },
    take: (): Promise<T> => {
      const item = items.shift();
      return item === undefined
        ? new Promise((resolve) => takers.push(resolve))
        : Promise.resolve(item);
    },
  };
}
