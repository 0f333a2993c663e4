// The two loads that every peer is measured with. Throughput: producers submit one job at a time each, until
// all are completed. Latency: an idle worker, a submit every few milliseconds.
import { familySeconds, ownSeconds } from './processor-time.ts';
import type { Peer } from './peer-contract.ts';
import { warmUpOf } from './settings.ts';

export type Figures = Readonly<Record<string, number>>;

const LOOK_MS = 2;
const PATIENCE_MS = 120_000;

async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`Waited too long until ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Wall seconds, and processor seconds of us, of a server process, and of the database. */
function stopwatch(databasePid: number, serverPid?: number) {
  const read = () => ({
    wall: performance.now() / 1000,
    client: ownSeconds(),
    server: serverPid === undefined ? 0 : familySeconds(serverPid),
    database: familySeconds(databasePid),
  });
  const from = read();
  return () => {
    const to = read();
    return {
      wall: to.wall - from.wall,
      client: to.client - from.client,
      server: to.server - from.server,
      database: to.database - from.database,
    };
  };
}

export interface ThroughputOptions {
  readonly jobs: number;
  readonly secondsMax: number;
  readonly concurrency: number;
  readonly databasePid: number;
}

export async function throughput(peer: Peer, options: ThroughputOptions): Promise<Figures> {
  const { jobs, secondsMax, concurrency, databasePid } = options;
  await peer.work(async () => undefined);
  let next = 0;
  const submitUpTo = async (last: number, seconds: number): Promise<void> => {
    const end = performance.now() + seconds * 1000;
    const producer = async () => {
      while (next < last && performance.now() < end) await peer.submit(next++);
    };
    await Promise.all(Array.from({ length: concurrency }, producer));
  };
  const allSettled = () =>
    until(async () => (await peer.settled()) >= next, 'all jobs are settled');
  const warmUp = warmUpOf(jobs);
  await submitUpTo(warmUp, PATIENCE_MS / 1000);
  await allSettled();

  const stop = stopwatch(databasePid, peer.serverPid);
  await submitUpTo(warmUp + jobs, secondsMax);
  const submitting = stop().wall;
  await allSettled();
  const used = stop();
  const done = next - warmUp;
  const micros = (seconds: number) => (seconds / done) * 1e6;
  return {
    jobs: done,
    jobsPerSecond: done / used.wall,
    submitsPerSecond: done / submitting,
    clientMicros: micros(used.client),
    serverMicros: micros(used.server),
    databaseMicros: micros(used.database),
    ...peer.notes?.(),
  };
}

/** Not counted: the first jobs meet code that was never run. */
const LATENCY_WARM_UP = 20;

export async function latency(
  peer: Peer,
  { jobs, everyMs }: { readonly jobs: number; readonly everyMs: number },
): Promise<Figures> {
  const at = Array.from({ length: jobs + LATENCY_WARM_UP }, () => ({
    ...{ submit: 0, ack: 0, start: 0, done: 0 },
  }));
  const failures: unknown[] = [];
  await peer.work(
    async (n) => void (at[n]!.start ||= performance.now()),
    (n) => void (at[n]!.done ||= performance.now()),
  );
  const begin = performance.now();
  for (const [n, times] of at.entries()) {
    const wait = begin + n * everyMs - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    times.submit = performance.now();
    peer.submit(n).then(
      () => (times.ack = performance.now()),
      (error: unknown) => failures.push(error),
    );
  }
  await until(() => {
    if (failures.length > 0) throw failures[0];
    return at.every(({ ack, done }) => ack > 0 && done > 0);
  }, 'all jobs are done');
  const counted = at.slice(LATENCY_WARM_UP);
  const quantiles = (what: 'ack' | 'start' | 'done') => {
    const times = counted.map((each) => each[what] - each.submit).sort((a, b) => a - b);
    const place = (share: number) =>
      times[Math.min(times.length - 1, Math.ceil(times.length * share) - 1)]!;
    return { [`${what}P50`]: place(0.5), [`${what}P95`]: place(0.95), [`${what}P99`]: place(0.99) };
  };
  return { jobs, ...quantiles('ack'), ...quantiles('start'), ...quantiles('done') };
}
