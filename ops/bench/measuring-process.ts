// One measurement in a process of its own, so that none warms up or litters another: a task comes in as a
// message, its figures go out as one.
import { inspect } from 'node:util';
import { latency, throughput, type Figures } from './load.ts';
import type { OpenPeer } from './peer-contract.ts';
import { settings } from './settings.ts';

export interface Task {
  /** A module in this folder whose default export opens a peer. */
  readonly peer: string;
  readonly workload: 'W1' | 'W2';
  readonly url: string;
  readonly databasePid: number;
}

export type Reply = { readonly figures: Figures } | { readonly error: string };

async function measure({ peer: file, workload, url, databasePid }: Task): Promise<Figures> {
  const { default: open } = (await import(new URL(file, import.meta.url).href)) as {
    default: OpenPeer;
  };
  const failures: Error[] = [];
  const concurrency = workload === 'W1' ? settings.concurrency : settings.slots;
  const peer = await open({
    ...{ url, workload, concurrency, poolSize: settings.poolSize },
    fail: (error) => failures.push(error),
  });
  const { jobs, secondsMax, latencyJobs, everyMs } = settings;
  const figures =
    workload === 'W1'
      ? await throughput(peer, { jobs, secondsMax, concurrency, databasePid })
      : await latency(peer, { jobs: latencyJobs, everyMs });
  await peer.close();
  if (failures.length > 0)
    throw new AggregateError(failures, `${failures.length} things went wrong.`);
  return figures;
}

process.once('message', (task: Task) => {
  void measure(task)
    .then((figures): Reply => ({ figures }))
    // The whole of it: an error that was cut short cannot be looked into later.
    .catch((error: unknown): Reply => ({ error: inspect(error, { depth: 6 }) }))
    .then((reply) => process.send!(reply, () => process.exit()));
});
process.once('disconnect', () => process.exit(1));
