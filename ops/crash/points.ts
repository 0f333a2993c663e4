// The named points at which a process ends itself, told by the suite over the IPC channel. Ending there is
// the process's own act, so that not one instruction more is carried out.
import { flushCompileCache } from 'node:module';

/** By then all of the program is loaded. Killed processes never write their cache, so boots would be slow. */
const LOADED_AFTER_MS = 2_000;

/** In the order in which a job meets them. `kill -9` there must cost nobody anything. */
export const RUNTIME_POINTS = {
  beforeCompute: 'an event has arrived, nothing is computed',
  beforeCommit: 'the turn is computed, nothing is sent',
  commitSent: 'Postgres has the commit, its answer is on the way',
  commitAnswered: 'the commit is answered, nobody has been told',
  answerSent: 'the caller has its answer, the orders have not left',
  beforeOrder: 'an order is about to be written to the worker',
  orderWritten: 'the order is in the socket',
  resultReceived: 'a result is here, its turn is not',
  uploading: 'a part of a result is written',
  uploadWhole: 'a result is whole and not yet under its name',
  timersDue: 'due timers were read, none has fired',
} as const;
/** Reached only after SIGTERM. */
export const SHUTDOWN_POINTS = {
  doorsClosing: 'asked to stop, workers are still connected',
  leasesHeld: 'everything is committed, the leases are still held',
} as const;
export const WORKER_POINTS = {
  running: 'the engine works',
  beforeUpload: 'the result is made, none of it is sent',
  beforeReport: 'the result is uploaded and not reported',
  reported: 'the report is in the socket',
  acknowledging: 'an order has arrived, its receipt has not left',
} as const;

export type RuntimePoint = keyof typeof RUNTIME_POINTS | keyof typeof SHUTDOWN_POINTS;
export type WorkerPoint = keyof typeof WORKER_POINTS;
export type Point = RuntimePoint | WorkerPoint;

/** From the suite: end yourself so at the nth passing. */
export interface Arming {
  readonly point: Point;
  readonly nth: number;
  readonly signal: 'SIGKILL' | 'SIGSTOP';
}

/** Calls an arming off. */
export const NOTHING = 'nothing';

/** Asked of one that should have ended: the answer goes into its log. */
export const WHY = 'why do you live';

let armed: { point: Point; left: number; signal: Arming['signal'] } | null = null;

/** Called wherever a point lies. */
export function pass(point: Point): void {
  if (armed?.point !== point || --armed.left > 0) return;
  const { signal } = armed;
  armed = null;
  process.kill(process.pid, signal);
}

/** Listens to the suite. `prepare` puts the point in place; an error in it ends the process, loudly. */
export function obeySuite(prepare: (point: Point) => Promise<void> | void): void {
  process.on('message', (arming: Arming | typeof NOTHING | typeof WHY) => {
    if (arming === WHY) return console.error('Still open:', process.getActiveResourcesInfo());
    if (arming === NOTHING) {
      armed = null;
      return;
    }
    void Promise.resolve(prepare(arming.point)).then(() => {
      armed = { point: arming.point, left: arming.nth, signal: arming.signal };
    });
  });
  setTimeout(flushCompileCache, LOADED_AFTER_MS).unref();
  // The channel alone must not keep a process alive that has finished.
  process.channel?.unref();
}
