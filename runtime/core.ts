// The runtime without its doors: turns, dispatcher, loops and worker sessions over one store. `main.ts`
// puts HTTP in front of it; benchmarks and simulations drive it directly.
import type { Store, StoredActor } from '../db/store.ts';
import type { Channel } from '../machines/contract/channel.ts';
import { ChannelHub } from './channel-hub.ts';
import type { Times } from '../machines/scheduling/times.ts';
import type { Clock, Ids } from './clock.ts';
import type { Component } from './component.ts';
import { Dispatcher } from './dispatcher.ts';
import { Learning } from './learning.ts';
import { Leases, type Presence } from './leases.ts';
import { LiveElsewhere } from './live-elsewhere.ts';
import { Live } from './live.ts';
import { Pauses, type ReadPauses } from './pauses.ts';
import { OtherRuntimes } from './other-runtimes.ts';
import { Reader } from './reader.ts';
import { Residents } from './residents.ts';
import { Signals } from './signals.ts';
import { StreamRelay } from './stream-relay.ts';
import { TimerLoop } from './timers.ts';
import { Turns } from './turn.ts';
import type { Registry } from './versions.ts';
import { WorkerSessions, type SessionSeams } from './worker-sessions.ts';

/** A store that is away for longer than this, while we stop, is not waited for. */
const STOP_GRACE_MS = 5_000;
const READ_AGAIN_MS = 500;
/** About 10 KB each: the cache stays under 200 MB. */
const RESIDENTS_MAX = 20_000;

export interface CoreSeams {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly isStored: SessionSeams['isStored'];
  /** Who looks at results; without it all are shown. */
  readonly pictures?: Pick<SessionSeams, 'whyHidden' | 'showsPreviews'>;
  readonly runtimeId: string;
  readonly version: string;
  readonly log: (message: string) => void;
  /** Told of every committed component, after everybody else. */
  readonly observe?: (component: Component) => void;
  /** The charts by kind and version; a simulated deploy has others than the real ones. */
  readonly registry?: Registry;
  /** Told of each actor that this runtime does not know how to run. */
  readonly leftAlone?: (row: StoredActor) => void;
  /** How runtimes on one store hear of each other's commits; without it they look now and then. */
  readonly channel?: Channel;
  readonly presence?: Presence;
  /** What operators have paused; without it nothing ever is. */
  readonly readPauses?: ReadPauses;
  /** How many workers may greet at once, where it is not as usual. */
  readonly hellosMax?: number;
}

/** Where nobody can tell who else is there: perhaps somebody is. */
const UNKNOWN: Presence = {
  open: () => Promise.resolve(),
  others: null,
  isHere: () => null,
  endLeasesOfTheGone: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

/** Where nobody looks at pictures. */
const UNSEEN = {
  whyHidden: () => Promise.resolve(null),
  showsPreviews: () => true,
};

export interface Core {
  readonly turns: Turns;
  readonly dispatcher: Dispatcher;
  readonly live: Live;
  readonly sessions: WorkerSessions;
  readonly leases: Leases;
  readonly residents: Residents;
  readonly pauses: Pauses;
  readonly times: Times;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function makeCore(seams: CoreSeams): Core {
  const { store, clock, ids, isStored, runtimeId, version, log, observe } = seams;
  const { presence = UNKNOWN, channel = new ChannelHub().channel() } = seams;
  const isAlone = (): boolean => !seams.channel || presence.others === 0;
  const signals = new Signals({ channel, clock, runtimeId, isAlone });
  const elsewhere = new LiveElsewhere({ channel, clock, runtimeId, isAlone });
  const live = new Live(elsewhere);
  const leases = new Leases(store, clock, runtimeId, presence);
  const reader = new Reader({
    log,
    ...(seams.registry ? { registry: seams.registry } : {}),
    leftAlone: (row) => {
      if (row.version > reader.registry[row.ref.kind].current.version) leases.standAside();
      seams.leftAlone?.(row);
    },
  });
  const residents = new Residents(store, RESIDENTS_MAX, reader);
  const committed = (component: Component): void => {
    // What is committed is committed: a part that throws must not have the batch done again.
    for (const part of [learning, sessions, timers, relay, signals, { committed: observe }])
      try {
        part.committed?.(component);
      } catch (error) {
        log(`after a commit: ${(error as Error).stack ?? String(error)}`);
      }
  };
  const learning = new Learning({ store, clock, log });
  const giveUp = new AbortController();
  const stopping = new AbortController();
  const turns: Turns = new Turns({
    ...{ store, clock, ids, residents, committed, log },
    assigner: {
      assign: (turned) => dispatcher.assign(turned),
      upcoming: (count) => dispatcher.upcoming(count),
      withdrawn: (components) => dispatcher.withdrawn(components),
    },
    published: (range) => relay.published(range),
    giveUp: giveUp.signal,
  });
  const post = turns.post.bind(turns);
  // A row may name a process that died with its sockets, even one of our own name.
  const isConnected = (id: string, runtime: string): boolean =>
    runtime === runtimeId ? sessions.has(id) : presence.isHere(runtime) !== false;
  const nudge = (): void => turns.nudge();
  const readPauses = seams.readPauses ?? (() => Promise.resolve([]));
  const pauses = new Pauses({ read: readPauses, clock, changed: nudge, log });
  const dispatcher: Dispatcher = new Dispatcher({
    store,
    clock,
    leases,
    reader,
    version,
    isConnected,
    pauses,
    times: learning.times,
    calibration: learning.calibration,
    nudge,
  });
  const sessions: WorkerSessions = new WorkerSessions({
    runtimeId,
    store,
    clock,
    reader,
    isStored,
    ...(seams.pictures ?? UNSEEN),
    live,
    post,
    log,
    random: () => ids.random(),
    hellosMax: seams.hellosMax,
  });
  const timers = new TimerLoop({ store, clock, leases, post });
  const relay = new StreamRelay({ store, clock, live, dispatcher });
  const others = new OtherRuntimes({
    ...{ channel, signals, elsewhere, relay, sessions, leases, live, log },
  });

  return {
    turns,
    dispatcher,
    live,
    sessions,
    leases,
    residents,
    pauses,
    times: learning.times,
    async start() {
      clock.sync(await store.now());
      // Before the lease that lets us give work away.
      if (seams.readPauses) await pauses.start();
      await presence.open();
      await learning.start();
      await relay.start();
      // The workers, to know what can be asked for. The jobs may be many: they are read while others are served.
      await dispatcher.learn([]);
      // Until it has worked: whoever gives work away and does not know of a job lets it wait for ever.
      const readJobs = (): void => {
        dispatcher.rebuild().catch(async (error: Error) => {
          log(`dispatcher: ${error.message}`);
          await clock.sleep(READ_AGAIN_MS, stopping.signal);
          if (!stopping.signal.aborted) readJobs();
        });
      };
      readJobs();
      await leases.start((name) => {
        if (name === 'dispatcher') readJobs();
      });
      timers.start();
      sessions.start();
      others.start();
    },
    /** Workers first, so that they look for another runtime; then what is under way is finished. */
    async stop() {
      stopping.abort();
      await Promise.all([sessions.stop(), pauses.stop()]);
      await timers.stop();
      await relay.stop();
      leases.retire();
      const inTime = new AbortController();
      void clock
        .sleep(STOP_GRACE_MS, inTime.signal)
        .then(() => !inTime.signal.aborted && giveUp.abort());
      await turns.idle();
      inTime.abort();
      await learning.stop();
      await leases.stop();
      await signals.leasesReleased();
      await channel.close();
      await presence.close();
    },
  };
}
