// How much waits, as expected run time: by tier and model, by tier and person. Kept as jobs come and go, so that
// nobody who asks has to look at each of them.
import type { Plan } from '../machines/contract/events.ts';
import type { WaitingJob } from '../machines/scheduling/policy.ts';

type Job = Pick<WaitingJob, 'accountId' | 'model' | 'plan' | 'runMs'>;

/** Sums by name. What is empty is forgotten, and with it what rounding has left. */
class Sums {
  readonly #byName = new Map<string, { ms: number; jobs: number }>();

  change(name: string, ms: number, jobs: 1 | -1): void {
    const sum = this.#byName.get(name) ?? { ms: 0, jobs: 0 };
    sum.ms += ms * jobs;
    sum.jobs += jobs;
    if (sum.jobs <= 0) this.#byName.delete(name);
    else this.#byName.set(name, sum);
  }

  get names(): Iterable<string> {
    return this.#byName.keys();
  }

  of(name: string): number {
    return this.#byName.get(name)?.ms ?? 0;
  }
}

export class Backlog {
  readonly models: Readonly<Record<Plan, Sums>> = threeOf(() => new Sums());
  readonly #people = new Sums();
  readonly #plans = new Sums();

  add(job: Job): void {
    this.#change(job, 1);
  }

  remove(job: Job): void {
    this.#change(job, -1);
  }

  #change({ accountId, model, plan, runMs }: Job, jobs: 1 | -1): void {
    this.models[plan].change(model, runMs, jobs);
    this.#plans.change(plan, runMs, jobs);
    this.#people.change(accountId, runMs, jobs);
  }

  ofPlan(plan: Plan): number {
    return this.#plans.of(plan);
  }

  ofPerson(accountId: string): number {
    return this.#people.of(accountId);
  }
}

const threeOf = <T>(make: () => T): Record<Plan, T> => ({
  free: make(),
  starter: make(),
  pro: make(),
});
