// Sees what agents do and are told, and holds it against what is stored.
import { jobRef, refKey } from '../../machines/contract/ids.ts';
import type { AgentFrame } from '../../machines/contract/worker-protocol.ts';
import { sameLease } from './books.ts';
import type { Owner } from './scheduler.ts';
import { rareArrival } from './sometimes.ts';
import type { World } from './world.ts';

export class Witness {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  running(worker: string, count: number, slots: number): void {
    if (count === slots && slots > 1) this.#world.seen('Every slot of a worker is busy.');
    this.#world.check(
      'I8 slots',
      count <= slots,
      () => `${worker} runs ${count} at once in ${slots} slots.`,
    );
  }

  /** A frame of an agent reached its runtime. */
  arrived(agent: Owner, frame: AgentFrame): void {
    const world = this.#world;
    if (!agent.isAlive) world.seen('A report arrives after its worker has died.');
    if (!('job' in frame)) return;
    const job = world.people
      .map(({ accountId }) => world.books.actors.get(refKey(jobRef(accountId, frame.job))))
      .find(Boolean);
    if (job) for (const what of rareArrival(frame.type, job.state)) world.seen(what);
  }

  settled(worker: string, epoch: string, { job, attempt }: { job: string; attempt: number }): void {
    const world = this.#world;
    const said = { attempt, worker, epoch };
    if (world.books.hasEnded(job, said)) return;
    const isHeld = world.people
      .map(({ accountId }) => world.books.jobs.get(refKey(jobRef(accountId, job)))?.lease)
      .some((lease) => lease && sameLease(lease, said));
    world.check(
      'I6 durable before ack',
      !isHeld,
      () => `${worker} was told to forget ${job} #${attempt}, which still runs by what is stored.`,
    );
  }
}
