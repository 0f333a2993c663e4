// A small world for the three charts: the runtime's own cascade without a store, and agents that run,
// crash, lose their connection and come back. After every commit each lease has its slot, each job under
// way its hold, and the ledger adds up. Only tests load this.
import { expect } from 'vitest';
import { cascade } from '../runtime/cascade.ts';
import { isSettled, stateName, type Actor } from '../runtime/actor.ts';
import type { Component } from '../runtime/component.ts';
import { Agent, type Report } from './agent-testing.ts';
import type { ActorEvent, AttemptName, JobSpec } from './contract/events.ts';
import { jobRef, quotaRef, refKey, workerRef, type ActorRef } from './contract/ids.ts';
import type { WorkerOrder } from './contract/worker-protocol.ts';
import type { Posting } from './effect.ts';
import type { JobContext } from './job/context.ts';
import type { QuotaContext } from './quota/decisions.ts';
import { Bookkeeper, noon } from './quota/testing.ts';
import { callsIn, type WorkerContext } from './worker/context.ts';
import { spec } from './job/testing.ts';
import { offer } from './worker/testing.ts';

const JOBS = ['job_1', 'job_2', 'job_3', 'job_4'];
export const WORKERS = ['w1', 'w2'];
const QUOTA = quotaRef('acc_1');

export class World {
  readonly actors = new Map<string, Actor>();
  readonly agents = WORKERS.map((id) => new Agent(id));
  readonly keeper = new Bookkeeper();
  readonly settlements: string[] = [];
  /** Every event that changed somebody. */
  readonly happened = new Set<string>();
  #at = noon(0);

  post(to: ActorRef, event: ActorEvent, timer?: { name: string; armingId: number }): void {
    this.#at += 100;
    const read = (ref: ActorRef) => this.actors.get(refKey(ref)) ?? null;
    const never = () => expect.fail('Nobody waits for this.');
    const mail = { to, event, settle: never, fail: never, tries: 0, doubts: [] };
    const component = cascade(timer ? { ...mail, timer } : mail, read, this.#at);
    this.#commit(component);
    this.#check();
  }

  #commit(component: Component): void {
    for (const [key, { after }] of component.turned) this.actors.set(key, after);
    for (const { destination, payload } of component.outbox) {
      const { frame } = JSON.parse(payload) as { frame: WorkerOrder };
      this.agent(destination.slice('worker:'.length)).orders.push(frame);
    }
    for (const { worker, attempt } of component.settles) {
      const agent = this.agent(worker.id);
      if (agent.isConnected) agent.attempts.delete(`${attempt.job} ${attempt.attempt}`);
    }
    const postings = Map.groupBy(component.ledger, ({ posting }) => posting);
    for (const [posting, legs] of postings)
      this.keeper.enter([{ posting, legs, reason: '', jobId: null } as Posting]);
    for (const { event } of component.journal)
      this.happened.add((JSON.parse(event) as ActorEvent).type);
    for (const { ref, event } of component.journal)
      if (ref.kind === 'quota' && /hold\.(capture|release)Requested/.test(event))
        this.settlements.push((JSON.parse(event) as { job: string }).job);
  }

  agent(id: string): Agent {
    return this.agents.find((agent) => agent.id === id)!;
  }

  actor(ref: ActorRef): Actor | null {
    return this.actors.get(refKey(ref)) ?? null;
  }

  get jobs(): { id: string; actor: Actor; context: JobContext }[] {
    return JOBS.flatMap((id) => {
      const actor = this.actor(jobRef('acc_1', id));
      return actor ? [{ id, actor, context: actor.snapshot.context as JobContext }] : [];
    });
  }

  get workers(): { actor: Actor; context: WorkerContext }[] {
    return WORKERS.flatMap((id) => {
      const actor = this.actor(workerRef(id));
      return actor ? [{ actor, context: actor.snapshot.context as WorkerContext }] : [];
    });
  }

  #check(): void {
    const leases = this.jobs.flatMap(({ id, context: { run } }) =>
      run.lease ? [`${id} ${run.lease.attempt} ${run.lease.worker} ${run.lease.epoch}`] : [],
    );
    const slots = this.workers.flatMap(({ context: { id, run } }) =>
      Object.entries(run.slots)
        .filter(([, { phase }]) => phase !== 'cancelling')
        .map(([job, { attempt }]) => `${job} ${attempt} ${id} ${run.epoch}`),
    );
    for (const { context } of this.workers)
      if (callsIn(context.run.slots) > context.offer.slots)
        expect.fail('A worker has more calls than it offered.');
    if (leases.sort().join() !== slots.sort().join())
      expect(slots, 'each lease has its slot, each slot its lease').toEqual(leases);
    const quota = this.actor(QUOTA);
    if (!quota) return;
    const { balance } = quota.snapshot.context as QuotaContext;
    this.keeper.check(balance);
    const open = this.jobs.filter(({ actor }) => !isSettled(actor)).map(({ id }) => id);
    if (Object.keys(balance.holds).sort().join() !== open.join())
      expect(Object.keys(balance.holds), 'each job under way has its hold').toEqual(open);
    if (new Set(this.settlements).size !== this.settlements.length)
      expect(this.settlements, 'each job is settled once').toEqual([...new Set(this.settlements)]);
  }

  // --- what may happen; each does nothing where it makes no sense -------------------------------

  submit(n: number): void {
    const id = JOBS[n % JOBS.length]!;
    const model = (['sketch', 'paint', 'film', 'sketch'] as const)[n % 4]!;
    const job: JobSpec = { ...spec, id, model };
    this.post(jobRef('acc_1', id), { type: 'job.submitRequested', spec: job, impossible: null });
  }

  cancel(n: number): void {
    this.post(jobRef('acc_1', JOBS[n % JOBS.length]!), { type: 'job.cancelRequested' });
  }

  /** As a dispatcher with an old view might: the worker refuses what does not fit. */
  dispatch(n: number): boolean {
    const job = this.jobs.filter(({ actor }) => stateName(actor.snapshot.value) === 'queued')[0];
    const worker = this.workers[n % Math.max(this.workers.length, 1)];
    if (!job || !worker) return false;
    const { id: name, run } = worker.context;
    const event: ActorEvent = { type: 'job.dispatched', worker: name, epoch: run.epoch };
    this.post(jobRef('acc_1', job.id), event);
    return this.jobs.find(({ id }) => id === job.id)?.context.run.lease !== null;
  }

  /** Two that wait for one model in one call; again with an old view, so that some are refused. */
  dispatchTogether(n: number): void {
    const waiting = this.jobs.filter(({ actor }) => stateName(actor.snapshot.value) === 'queued');
    const [first] = waiting;
    const worker = this.workers[n % Math.max(this.workers.length, 1)];
    if (!first || !worker) return;
    const { model } = first.context.spec;
    const members = waiting.filter(({ context }) => context.spec.model === model);
    const batch = { id: `batch-${this.#at}`, size: 2 };
    const { id: name, run } = worker.context;
    for (const { id } of members.slice(0, batch.size))
      this.post(jobRef('acc_1', id), {
        ...{ type: 'job.dispatched', worker: name, epoch: run.epoch },
        batch,
      });
  }

  deliverOrder(agent: Agent): boolean {
    const order = agent.isConnected ? agent.orders.shift() : undefined;
    if (!order) return false;
    if (agent.obey(order) && order.type === 'run') {
      const fence = { attempt: order.attempt, worker: agent.id, epoch: agent.epoch };
      this.post(jobRef('acc_1', order.job), { type: 'run.acknowledged', ...fence });
    }
    return true;
  }

  deliverFrame(agent: Agent): boolean {
    const frame = agent.frames.shift();
    // As the session: a start goes straight to the job.
    if (frame?.type === 'run.started') {
      const { job, attempt } = frame as unknown as AttemptName;
      const fence = { attempt, worker: agent.id, epoch: agent.epoch };
      this.post(jobRef('acc_1', job), { type: 'run.started', ...fence });
    } else if (frame) this.post(workerRef(agent.id), frame);
    return frame !== undefined;
  }

  /** The engine gets one step further with what it can: loads, then starts, then ends something. */
  work(agent: Agent, report: Report = 'run.finished'): boolean {
    const model = agent.loading.shift();
    if (model !== undefined) {
      agent.loaded.push(model);
      agent.say({ type: 'model.loaded', model, loadMs: 5, vramBytes: 1 });
      return true;
    }
    // One whose model is not there steps aside.
    const next = [...agent.attempts.values()].find(
      (each) => each.report === null && agent.loaded.includes(each.model),
    );
    if (!next) return false;
    if (!next.started) {
      agent.set({ ...next, started: true });
      agent.say({ type: 'run.started', job: next.job, attempt: next.attempt });
    } else {
      agent.set({ ...next, report });
      agent.sayEnd({ ...next, report });
    }
    return true;
  }

  connect(agent: Agent, areOrdersDropped = true): boolean {
    if (agent.isConnected) return false;
    agent.isConnected = true;
    // The session drops what was ordered before; what is ordered meanwhile may slip through.
    if (areOrdersDropped) agent.orders.length = 0;
    const runtime = `r-${this.#at}`;
    const attempts = [...agent.attempts.values()].map(({ job, attempt }) => ({ job, attempt }));
    const said = { epoch: agent.epoch, runtime, offer, loaded: [...agent.loaded], attempts };
    this.post(workerRef(agent.id), { type: 'worker.connected', ...said });
    for (const each of agent.attempts.values()) {
      if (each.report) agent.sayEnd(each);
      else if (each.started)
        agent.say({ type: 'run.started', job: each.job, attempt: each.attempt });
    }
    return true;
  }

  /** The socket's end is noticed, or (a crashed runtime) it is not. */
  disconnect(agent: Agent, isNoticed: boolean, isCrash: boolean): void {
    const worker = this.actor(workerRef(agent.id));
    const { epoch } = agent;
    const wasConnected = agent.isConnected;
    if (isCrash) agent.crash();
    else agent.hangUp();
    if (!worker || !wasConnected || !isNoticed) return;
    const { runtime } = (worker.snapshot.context as WorkerContext).run;
    this.post(workerRef(agent.id), { type: 'worker.disconnected', epoch, runtime });
  }

  timers(names: RegExp): { ref: ActorRef; name: string; armingId: number }[] {
    return [...this.actors.values()].flatMap(({ ref, timers }) =>
      Object.entries(timers)
        .filter(([name]) => names.test(name))
        .map(([name, [armingId]]) => ({ ref, name, armingId })),
    );
  }

  /** Any timer that is armed: time may pass as it likes. A silent agent hangs up before its lease ends. */
  fire(n: number, names = /./): boolean {
    const armed = this.timers(names);
    const due = armed[n % Math.max(armed.length, 1)];
    if (!due) return false;
    if (due.name === 'lease') this.agent(due.ref.id).hangUp();
    this.post(due.ref, { type: 'timer.fired' }, due);
    return true;
  }

  operate(n: number): void {
    const wishes = [
      'worker.drainRequested',
      'worker.resumeRequested',
      'worker.resumeRequested',
    ] as const;
    const type = wishes[n % wishes.length]!;
    const agent = this.agents[n % WORKERS.length]!;
    if (this.actor(workerRef(agent.id))) this.post(workerRef(agent.id), { type });
  }

  /** No more faults: everybody is there, everything arrives. Timers only when nothing else happens. */
  heal(): void {
    for (const agent of this.agents) {
      this.connect(agent);
      this.post(workerRef(agent.id), { type: 'worker.resumeRequested' });
    }
    for (let step = 0; step < 1000; step++) {
      const isBusy = this.agents.some(
        (agent) => this.deliverOrder(agent) || this.deliverFrame(agent) || this.work(agent),
      );
      if (isBusy || this.dispatch(0) || this.dispatch(1)) continue;
      // Neither the deadline nor the time limit: nothing may be stuck until then.
      if (!this.fire(0, /backoff|break|acknowledgeTimeout/)) return;
    }
    expect.fail('It does not come to rest.');
  }
}
