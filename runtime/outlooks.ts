// What a waiting person is told: how many run before them, when it will be their turn, and why.
import type { JobSpec, Plan } from '../machines/contract/events.ts';
import type { EtaView } from '../machines/contract/views.ts';
import type { JobContext } from '../machines/job/context.ts';
import { Eta, type Expectation } from '../machines/scheduling/eta.ts';
import { NO_WORKER, reasonOf } from '../machines/scheduling/eta-words.ts';
import type { Calibration } from '../machines/scheduling/calibration.ts';
import type { FleetWorker, WaitingJob } from '../machines/scheduling/policy.ts';
import type { Times } from '../machines/scheduling/times.ts';
import type { Clock } from './clock.ts';
import type { Fleet } from './fleet.ts';
import type { Pauses } from './pauses.ts';
import type { Queue } from './queue.ts';
import type { Outlook } from './views.ts';

type Asked = Pick<WaitingJob, 'id' | 'model' | 'plan' | 'work'>;

interface Seams {
  readonly queue: Queue;
  readonly fleet: Fleet;
  readonly pauses: Pauses;
  readonly times: Times;
  readonly calibration: Calibration;
  readonly clock: Clock;
  /** The workers as the policy sees them. */
  readonly workers: () => readonly FleetWorker[];
}

export class Outlooks {
  readonly #seams: Seams;
  readonly #eta: Eta;

  constructor(seams: Seams) {
    this.#seams = seams;
    this.#eta = new Eta(seams.calibration);
  }

  // --- what is learned ----------------------------------------------------------------------------

  submitted(job: WaitingJob): void {
    this.#eta.submitted(job, job.queuedAt);
  }

  /** A job had a turn. */
  note({ spec: { id }, run: { plan, startedAt, finishedAt } }: JobContext): void {
    if (startedAt !== null) this.#eta.started({ id, plan }, startedAt);
    if (finishedAt !== null) this.#eta.ended(id);
  }

  // --- what is told -------------------------------------------------------------------------------

  of(jobId: string): Outlook {
    const job = this.#seams.queue.get(jobId);
    if (!job) return { position: null, eta: null };
    const expected = this.#expected(job);
    return { position: expected?.position ?? this.#before(job), eta: this.#view(job, expected) };
  }

  ifSubmitted({ model, work }: Pick<JobSpec, 'model' | 'work'>, plan: Plan): EtaView {
    const { times, clock } = this.#seams;
    const runMs = times.runMs(null, model, work).median;
    const job: WaitingJob = {
      ...{ id: '', accountId: '', model, plan, work, runMs, queuedAt: clock.now() },
      ...{ batchKey: null, failedOn: [], isFirst: false },
    };
    return this.#view(job, this.#expected(job));
  }

  #expected(job: WaitingJob): Expectation | null {
    const { queue, pauses, fleet, workers, clock } = this.#seams;
    const now = clock.now();
    if (!this.#eta.isFresh(now)) {
      const keeps = (worker: FleetWorker, model: string) => fleet.keeps(worker, model);
      this.#eta.foretell({ queue: pauses.queue(queue), fleet: workers(), keeps }, now);
    }
    if (pauses.holdsBack(job)) return null;
    return this.#eta.of(job.id, now) ?? this.#eta.ifSubmitted(job, now);
  }

  #view(job: Asked, expected: Expectation | null): EtaView {
    const { times } = this.#seams;
    const run = times.runMs(expected?.turn.worker ?? null, job.model, job.work);
    const [from, to] = expected ? [expected.wait.low, expected.wait.high] : [0, 0];
    return {
      min_s: seconds(from + run.low),
      max_s: seconds(to + run.high),
      start_min_s: expected && seconds(from),
      start_max_s: expected && seconds(to),
      reason: this.#operatorsReason(job) ?? this.#reason(job, expected),
    };
  }

  #reason(job: Asked, expected: Expectation | null): string {
    const { fleet, workers } = this.#seams;
    const able = workers().filter(({ models }) => models.has(job.model));
    if (!expected || able.length === 0) return NO_WORKER;
    return reasonOf(expected, able, (model) => fleet.nameOf(model));
  }

  /** Nobody waits for a queue that an operator holds up without being told so. */
  #operatorsReason(job: Asked): string | null {
    const { pauses, fleet } = this.#seams;
    const who = fleet.whoHas(job.model);
    const here = who.filter(({ isDraining }) => !isDraining);
    if (pauses.holdsBack(job)) return 'paused by the operator';
    if (here.length > 0 && here.every(({ id }) => pauses.has('worker', id)))
      return 'paused by the operator';
    if (here.length === 0 && who.length > 0) return 'the operator is draining its worker';
    return null;
  }

  /** Of what waits for the same: with nobody to run it, all that is known of its place. */
  #before(job: WaitingJob): number {
    const lines = [...this.#seams.queue.lines].filter(
      ({ model, plan }) => model === job.model && plan === job.plan,
    );
    return lines.reduce((sum, line) => sum + line.before(job), 0);
  }
}

const seconds = (ms: number) => Math.round(ms / 100) / 10;
