// Figures of every peer, one measurement after the other in turns, so that a disturbance meets them all.
import { fork } from 'node:child_process';
import type { Server } from './database.ts';
import type { Figures } from './load.ts';
import type { Reply, Task } from './measuring-process.ts';

export function measure(task: Task): Promise<Figures> {
  const child = fork(new URL('measuring-process.ts', import.meta.url), { stdio: 'inherit' });
  return new Promise<Figures>((resolve, reject) => {
    child.once('message', (reply: Reply) => {
      if ('figures' in reply) resolve(reply.figures);
      else reject(new Error(`${task.peer}, ${task.workload}: ${reply.error}`));
    });
    child.once('exit', (code) => reject(new Error(`${task.peer} ended with ${code}.`)));
    child.send(task);
  });
}

/** By peer, the median of each figure over the rounds. */
export async function compare(
  server: Server,
  workload: Task['workload'],
  peers: readonly string[],
  rounds: number,
): Promise<Map<string, Figures>> {
  const samples = new Map<string, Figures[]>(peers.map((peer) => [peer, []]));
  for (let round = 0; round < rounds; round++)
    for (const peer of peers) {
      const figures = await server.inFreshDatabase(workload.toLowerCase(), (url) =>
        measure({ peer, workload, url, databasePid: server.pid }),
      );
      samples.get(peer)!.push(figures);
    }
  return new Map([...samples].map(([peer, of]) => [peer, medians(of)]));
}

function medians(samples: readonly Figures[]): Figures {
  const names = Object.keys(samples[0]!);
  return Object.fromEntries(
    names.map((name) => [name, median(samples.map((each) => each[name]!))]),
  );
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
