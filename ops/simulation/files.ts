// The files of all results: uploaded by agents to any runtime, looked for by runtimes.
import type { Output } from '../../machines/contract/worker-protocol.ts';
import type { Attempts, RunOrder } from './attempts.ts';
import { request } from './people.ts';
import type { Owner } from './scheduler.ts';
import type { World } from './world.ts';

export class Files {
  readonly #world: World;
  readonly #uploaded = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  has = (accountId: string, blob: string): boolean => this.#uploaded.has(`${accountId} ${blob}`);

  isStored(runtime: Owner, accountId: string, { blob }: Output): Promise<boolean> {
    const { random, scheduler } = this.#world;
    return new Promise((resolve) => {
      const delayMs = random.split(blob).between(0.2, 5);
      scheduler.after(delayMs, runtime, 'looks for a file', () =>
        resolve(this.has(accountId, blob)),
      );
    });
  }

  /** Tried until there is an answer that counts. */
  upload(attempts: Attempts, order: RunOrder, output: Output, done: () => void): void {
    const world = this.#world;
    const { owner, worker } = attempts;
    const random = world.random.split(`upload ${output.blob}`);
    if (world.befalls('uploadMissing', random, worker)) return done();
    const once = (): void => {
      if (attempts.isOver(order) || !owner.isAlive) return;
      const { job, attempt } = order;
      request(
        world,
        random,
        'upload',
        ({ core }) => core!.sessions.leaseOf(worker, job, attempt),
        (answer) => {
          if (attempts.isOver(order) || !owner.isAlive) return;
          const isDone = answer !== null && 'value' in answer && answer.value !== null;
          if (isDone) return world.scheduler.after(1, owner, 'uploaded', done);
          world.scheduler.after(random.between(100, 2_000), owner, 'uploads again', once);
        },
        (lease) => void (lease && this.#uploaded.add(`${lease.accountId} ${output.blob}`)),
      );
    };
    world.scheduler.after(random.logarithmic(1, 100), owner, 'uploads', once);
  }
}
