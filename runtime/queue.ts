// The waiting jobs as the dispatcher sees them: grouped by model and plan, oldest first, so that a
// decision looks at the heads and not at every job.
import type { Plan } from '../machines/contract/events.ts';
import type { QueueGroup, WaitingJob } from '../machines/scheduling/policy.ts';

class Group implements QueueGroup {
  readonly model: string;
  readonly plan: Plan;
  readonly #jobs = new Map<string, WaitingJob>();
  #newest = 0;

  constructor(model: string, plan: Plan) {
    this.model = model;
    this.plan = plan;
  }

  get jobs(): Iterable<WaitingJob> {
    return this.#jobs.values();
  }

  get size(): number {
    return this.#jobs.size;
  }

  /** A job that comes back keeps its place: order is by the time it was first queued. */
  add(job: WaitingJob): void {
    this.#jobs.set(job.id, job);
    if (job.queuedAt >= this.#newest) {
      this.#newest = job.queuedAt;
      return;
    }
    const ordered = [...this.#jobs.values()].sort((a, b) => a.queuedAt - b.queuedAt);
    this.#jobs.clear();
    for (const each of ordered) this.#jobs.set(each.id, each);
  }

  remove(id: string): void {
    this.#jobs.delete(id);
  }
}

export class Queue {
  readonly #groups = new Map<string, Group>();
  readonly #byId = new Map<string, WaitingJob>();

  get size(): number {
    return this.#byId.size;
  }

  get groups(): QueueGroup[] {
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
    group.remove(id);
    if (group.size === 0) this.#groups.delete(key);
  }
}
