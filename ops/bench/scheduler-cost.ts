// What a decision costs: full lines, a fleet at work, one worker that has just come free.
import type { Plan } from '../../machines/contract/events.ts';
import { decide, type FleetWorker, type ModelOnWorker } from '../../machines/scheduling/policy.ts';
import { Queue } from '../../runtime/queue.ts';

export interface Cost {
  readonly waiting: number;
  readonly people: number;
  readonly workers: number;
  /** Of a decision alone, on the clock. */
  readonly medianMs: number;
  /** Mean processor time: what others do on the machine is not in it. */
  readonly processorMs: number;
  /** With all workers free at once, of each of the decisions. */
  readonly eachOfAllMs: number;
}

const MODELS = Array.from({ length: 14 }, (_, n) => `model-${n}`);
const PLANS: readonly Plan[] = ['free', 'free', 'free', 'starter', 'pro'];
const RUN_MS = [3_000, 5_000, 7_000, 12_000, 36_000, 240_000];
const NOW = 1_760_000_000_000;
const WARM_UP = 200;
const ROUNDS = 300;

export function costOf(waiting: number, people: number, workers: number): Cost {
  const queue = new Queue();
  // Everybody had a turn already, and some got so much that all others are looked at before their next one.
  for (let n = 0; n < people; n += 1) {
    const before = { ...jobOf(n, people), id: `before_${n}` };
    queue.set(before);
    queue.take(before.id);
    queue.usage.note(`acc_${n}`, (n * 7_919) % 3_000_000, NOW - 60_000);
  }
  for (let n = 0; n < waiting; n += 1) queue.set(jobOf(n, people));
  const one = Array.from({ length: workers }, (_, n) => workerOf(n, n === 0));
  const all = one.map((_, n) => workerOf(n, true));
  const times: number[] = [];
  let processorMs = 0;
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    const [from, used] = [performance.now(), process.cpuUsage()];
    const [decision] = decide(queue, one, NOW + round * 100);
    if (round >= WARM_UP) {
      times.push(performance.now() - from);
      const { user, system } = process.cpuUsage(used);
      processorMs += (user + system) / 1_000 / ROUNDS;
    }
    if (!decision) throw new Error('Nothing was decided: the measurement is wrong.');
    // As in life: the job leaves, another one comes.
    queue.take(decision.job.id);
    queue.set(jobOf(waiting + round, people));
  }
  times.sort((a, b) => a - b);
  const from = performance.now();
  const decided = [1, 2, 3, 4, 5].flatMap((n) => decide(queue, all, NOW + n * 100_000)).length;
  return {
    ...{ waiting, people, workers, eachOfAllMs: (performance.now() - from) / decided },
    ...{ medianMs: times[times.length / 2]!, processorMs },
  };
}

function jobOf(n: number, people: number) {
  const person = n % people;
  return {
    ...{ id: `job_${n}`, accountId: `acc_${person}`, model: MODELS[(n * 31) % MODELS.length]! },
    ...{ plan: PLANS[person % PLANS.length]!, queuedAt: NOW - 3_600_000 + ((n * 613) % 3_600_000) },
    ...{ work: 1, runMs: RUN_MS[(n * 17) % RUN_MS.length]!, batchKey: `${n % 5}` },
    ...{ failedOn: [], isFirst: false },
  };
}

function workerOf(n: number, isFree: boolean): FleetWorker {
  const own = MODELS.filter((_, at) => (at + n) % 3 > 0);
  const cost = (at: number): ModelOnWorker => ({
    ...{ loadMs: 4_000 + at * 2_000, pace: 0.6 + (n % 5) / 5, batchMax: 4, batchCost: 0.8 },
  });
  const running = { job: `r${n}`, accountId: `acc_${n}`, model: own[0]!, runMs: 7_000 };
  return {
    ...{ id: `wrk_${n}`, epoch: 'boot', freeSlots: isFree ? 1 : 0, busy: !isFree, pinned: [] },
    models: new Map(own.map((model, at) => [model, cost(at)])),
    ...{ loaded: own.slice(0, 2), loading: null, freeAt: NOW + (isFree ? 0 : 5_000) },
    running: isFree ? [] : [running],
  };
}
