// The waiting jobs as the dispatcher sees them: grouped by model and plan, oldest first, so that a
// decision looks at the heads and not at every job, and a place in the line is found by halving.
import type { Plan } from '../machines/contract/events.ts';
import type { QueueGroup, WaitingJob } from '../machines/scheduling/policy.ts';

type Place = Pick<WaitingJob, 'queuedAt' | 'id'>;

const isBefore = (a: Place, b: Place): boolean =>
  a.queuedAt < b.queuedAt || (a.queuedAt === b.queuedAt && a.id < b.id);

export class Group implements QueueGroup {
  readonly model: string;
  readonly plan: Plan;
  /** In order. Those that left from the front are cut off now and then, not each time. */
  #jobs: WaitingJob[] = [];
  #first = 0;
  /** Sum of the jobs' work, in standard outputs. */
  work = 0;

  constructor(model: string, plan: Plan) {
    this.model = model;
    this.plan = plan;
  }

  get jobs(): Iterable<WaitingJob> {
    return this.#iterate();
  }

  *#iterate(): Generator<WaitingJob> {
    for (let index = this.#first; index < this.#jobs.length; index += 1) yield this.#jobs[index]!;
  }

  get size(): number {
    return this.#jobs.length - this.#first;
  }

  /** How many are in front of that place. */
  before(place: Place): number {
    let [low, high] = [this.#first, this.#jobs.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(this.#jobs[middle]!, place)) low = middle + 1;
      else high = middle;
    }
    return low - this.#first;
  }

  /** A job that comes back keeps its place: order is by the time it was first queued. */
  add(job: WaitingJob): void {
    this.work += job.work;
    const last = this.#jobs.at(-1);
    if (this.size === 0 || isBefore(last!, job)) this.#jobs.push(job);
    else this.#jobs.splice(this.#first + this.before(job), 0, job);
  }

  remove(job: WaitingJob): void {
    this.work -= job.work;
    const index = this.#first + this.before(job);
    if (index > this.#first) this.#jobs.splice(index, 1);
    else this.#first += 1;
    if (this.#first * 2 <= this.#jobs.length) return;
    this.#jobs = this.#jobs.slice(this.#first);
    this.#first = 0;
  }
}

export class Queue {
  readonly #groups = new Map<string, Group>();
  readonly #byId = new Map<string, WaitingJob>();

  get size(): number {
    return this.#byId.size;
  }

  get groups(): Group[] {
    return [...this.#groups.values()];
  }

  get jobs(): Iterable<WaitingJob> {
    return this.#byId.values();
  }

  get(id: string): WaitingJob | undefined {
    return this.#byId.get(id);
  }

  set(job: WaitingJob): void {
    this.remove(job.id);
    this.#byId.set(job.id, job);
    const key = `${job.plan} ${job.model}`;
    const group = this.#groups.get(key) ?? new Group(job.model, job.plan);
    this.#groups.set(key, group);
    group.add(job);
  }

  remove(id: string): void {
    const job = this.#byId.get(id);
    if (!job) return;
    this.#byId.delete(id);
    const key = `${job.plan} ${job.model}`;
    const group = this.#groups.get(key)!;
    group.remove(job);
    if (group.size === 0) this.#groups.delete(key);
  }
}
