// The policy in the evaluator with what it has to go by here: times that are learned from what was seen, and
// the arbiter's choice of what leaves the card, by what it has learned of each model's memory. So a
// difference to what is played comes from the runtime and its agents, not from another state of knowledge.
import { decayed, roomFor, valueOf, type Resident } from '../../../adapters/worker/arbiter/room.ts';
import { decide } from '../../../machines/scheduling/policy.ts';
import { Times } from '../../../machines/scheduling/times.ts';
import type { FleetWorker } from '../../../machines/scheduling/waiting.ts';
import { batchTimes } from '../../../machines/contract/batching.ts';
import { Queue } from '../../../runtime/queue.ts';
import { callOf, waitingOf, workerOf } from '../scheduler-policy.ts';
import type { Fleet, Job, View, WorkerView } from '../scheduler-contract.ts';
import { together } from './card-engine.ts';
import type { TracedFleet, TracedJob } from './trace.ts';

/** What one worker's arbiter has learned of its models. */
class Memory {
  readonly #models: TracedFleet['models'];
  readonly #peaks = new Map<string, number>();
  readonly #uses = new Map<string, { uses: number; at: number }>();
  readonly #loads = new Map<string, { count: number; ms: number }>();

  constructor(models: TracedFleet['models']) {
    this.#models = models;
  }

  #bytesOf(model: string): number {
    return Math.max(this.#models[model]!.vram_mb, this.#peaks.get(model) ?? 0);
  }

  #usesOf(model: string, now: number): number {
    const { uses, at } = this.#uses.get(model) ?? { uses: 0, at: 0 };
    return decayed(uses, now - at);
  }

  noteRun(model: string, activationMb: number): void {
    const peak = this.#models[model]!.vram_mb + activationMb;
    this.#peaks.set(model, Math.max(this.#peaks.get(model) ?? 0, peak));
  }

  noteUse(model: string, now: number): void {
    this.#uses.set(model, { uses: this.#usesOf(model, now) + 1, at: now });
  }

  noteLoad(model: string, loadMs: number): void {
    const { count, ms } = this.#loads.get(model) ?? { count: 0, ms: 0 };
    const weight = Math.max(0.2, 1 / (count + 1));
    this.#loads.set(model, { count: count + 1, ms: ms + weight * (loadMs - ms) });
  }

  /** What leaves so that the model, and what its runs need on top, fits: the least valuable first. */
  leaving(model: string, there: readonly string[], cardMb: number, now: number): string[] {
    if (there.includes(model)) return [];
    const others = there.filter((each) => each !== model);
    const residents = others.map((each): Resident => ({
      ...{ model: each, bytes: this.#bytesOf(each) },
      ...{ isBusy: false, isPinned: false, isRival: false, uses: this.#usesOf(each, now) },
      loadMs: this.#loads.get(each)?.ms ?? this.#models[each]!.load_ms,
    }));
    const room = roomFor({ model, bytes: this.#bytesOf(model) }, residents, cardMb);
    if (room.kind === 'evict') return [...room.models];
    return residents.toSorted((a, b) => valueOf(a) - valueOf(b)).map((each) => each.model);
  }
}

export function createPolicy(fleet: Fleet & TracedFleet) {
  const queue = new Queue();
  const times = new Times();
  const jobs = new Map<string, Job>();
  const calls = new Map<string, { readonly model: string; readonly loadFrom: number | null }>();
  const memories = new Map(fleet.workers.map(({ id }) => [id, new Memory(fleet.models)]));
  for (const { id, models, load_scale, speed } of fleet.workers)
    times.noteOffer(
      id,
      models.map((model) => {
        const { load_ms, typ_ms } = fleet.models[model]!;
        return { id: model, loadMs: load_ms * load_scale, runMs: typ_ms / speed };
      }),
    );
  const workOf = ({ est_ms, model }: Job): number => est_ms / fleet.models[model]!.typ_ms;
  const activationOf = (call: readonly Job[]): number =>
    together(
      0.5,
      call.map((job) => (job as unknown as TracedJob).act_mb),
    );

  const informed = (worker: WorkerView, view: View): FleetWorker => {
    const known = workerOf(worker, fleet, view);
    const abilities = times.abilities(worker.id);
    const models = [...known.models].map(([model, cost]) => {
      const { loadMs, pace } = abilities.get(model)!;
      return [
        model,
        { ...cost, pace, loadMs: worker.resident.includes(model) ? 0 : loadMs },
      ] as const;
    });
    return { ...known, models: new Map(models) };
  };

  return {
    name: 'tessera, informed as the runtime is',

    onSubmit(job: Job, _now: number, view: View): void {
      jobs.set(String(job.id), job);
      const runMs = times.runMs(null, job.model, workOf(job)).median;
      queue.set({ ...waitingOf(job, view), runMs });
    },

    onIdle(worker: WorkerView & { readonly vram_mb: number }, now: number, view: View) {
      const workers = view.workers.map((each) => informed(each, view));
      const decision = decide(queue, workers, now).find((each) => each.worker.id === worker.id);
      if (!decision) return null;
      const { model } = decision.job;
      const memory = memories.get(worker.id)!;
      const evict = memory.leaving(model, worker.resident, worker.vram_mb, now);
      const stay = worker.resident.filter((each) => each !== model && !evict.includes(each));
      const roomMb = [model, ...stay].reduce(
        (left, each) => left - fleet.models[each]!.vram_mb,
        worker.vram_mb,
      );
      // A shared call drives nothing out: one that has no room there fails, and its jobs run one by one.
      const wanted = callOf(decision, worker, view, jobs);
      const call = activationOf(wanted) > roomMb ? wanted.slice(0, 1) : wanted;
      for (const { id } of call) queue.take(String(id));
      const isThere = worker.resident.includes(model);
      calls.set(worker.id, { model, loadFrom: isThere ? null : now });
      memory.noteUse(model, now);
      return { run: call.map(({ id }) => id), evict };
    },

    onDone(
      done: {
        readonly worker: WorkerView;
        readonly jobs: readonly Job[];
        readonly exec_ms: number;
      },
      now: number,
    ): void {
      const { worker, jobs: call, exec_ms } = done;
      const { model, loadFrom } = calls.get(worker.id)!;
      const aloneMs = exec_ms / batchTimes(call.length, fleet.models[model]!.batch_cost);
      for (const job of call) {
        queue.usage.note(job.user, exec_ms / call.length, now);
        times.noteRun(worker.id, model, workOf(job), aloneMs);
      }
      const memory = memories.get(worker.id)!;
      // As the agent has it: what a shared call needs is more than any job needs.
      if (call.length === 1) memory.noteRun(model, activationOf(call));
      if (loadFrom === null) return;
      times.noteLoad(worker.id, model, now - exec_ms - loadFrom);
      memory.noteLoad(model, now - exec_ms - loadFrom);
    },
  };
}
