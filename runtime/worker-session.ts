// One connection of one worker's agent: hello, reports in, commands out.
import type { AttemptName, WorkerEvent } from '../machines/contract/events.ts';
import { jobRef, refKey, workerRef, type ActorRef } from '../machines/contract/ids.ts';
import {
  comeBackIn,
  type AgentFrame,
  type AgentFrameOf,
  type RuntimeFrame,
} from '../machines/contract/worker-protocol.ts';
import type { WorkerContext } from '../machines/worker/context.ts';
import type { Component } from './component.ts';
import { KnownToAgent, nameOf, type KnownAttempt } from './known-to-agent.ts';
import { contextOf } from './views.ts';
import { WorkerOrders } from './worker-orders.ts';
import type { Connection, SessionSeams } from './worker-sessions.ts';

export const HEARTBEAT_MS = 10_000;
/** Well within the 10 s that a job waits for it. */
const ACKNOWLEDGE_HOLD_MS = 1_000;
export const NEWER_SESSION = [4001, 'A newer connection of this worker has opened.'] as const;

type Hello = Extract<WorkerEvent, { type: 'worker.connected' }>;

export class WorkerSession {
  readonly #seams: SessionSeams;
  readonly #connection: Connection;
  readonly #ref: ActorRef;
  readonly #registry: Registry;
  readonly #identity: WorkerIdentity;
  readonly orders: WorkerOrders;
  readonly #known = new KnownToAgent();
  /** Acknowledged attempts of which their jobs do not know yet, for a start or an end would say more. */
  readonly #held = new Set<string>();
  #hello: Hello | null = null;
  /** Frames wait for the one before them: a report must not overtake `hello`. */
  #ready: Promise<void> | null = null;
  #isReady = false;
  #isClosed = false;

  constructor(
    seams: SessionSeams,
    connection: Connection,
    workerId: string,
    identity: WorkerIdentity,
    registry: Registry,
  ) {
    this.#seams = seams;
    this.#connection = connection;
    this.#ref = workerRef(workerId);
    this.#registry = registry;
    this.#identity = identity;
    this.orders = new WorkerOrders(workerId, (frame, accountId) => this.#deliver(frame, accountId));
  }

  receive(frame: AgentFrame): void {
    if (frame.type === 'hello' && !this.#ready) this.#greet(frame);
    else if (!this.#ready) this.close(1008, 'The first frame must be hello.');
    else if (this.#isReady) this.#report(frame, this.#hello!.epoch);
    else void this.#ready.then(() => this.#isClosed || this.#report(frame, this.#hello!.epoch));
  }

  #greet(frame: AgentFrameOf<'hello'>): void {
    const awayMs = this.#registry.enter(frame.attempts.length > 0);
    if (awayMs !== null) return this.close(1013, comeBackIn(awayMs));
    this.#ready = this.#connect(frame)
      .catch(this.#giveUp)
      .finally(() => this.#registry.leave());
  }

  /** The boot of the agent; null before its hello. */
  get epoch(): string | null {
    return this.#hello?.epoch ?? null;
  }

  /** Both sides tell what they know; the worker's chart settles the differences in one turn. */
  async #connect(frame: AgentFrameOf<'hello'>): Promise<void> {
    const { epoch, connection, version, gpu, slots, models, loaded, pinned, attempts } = frame;
    // Under a key of its own a worker cannot call itself what it likes.
    const name = this.#identity.name ?? frame.name;
    this.#registry.ready(epoch);
    this.#hello = {
      type: 'worker.connected',
      epoch,
      runtime: this.#seams.runtimeId,
      connection,
      offer: { name, version, gpu, slots, models },
      loaded,
      pinned,
      attempts,
    };
    await this.#post(this.#hello);
    this.#isReady = true;
    // The commit's outcome was unknown, and was looked up: the agent may as well say it again.
    if (!this.orders.isOpen) this.close(1013, 'Say hello again.');
  }

  /**
   * A commit of this runtime in which the worker had turns.
   * @returns whether the outbox has to be read before the agent can be told
   */
  committed(component: Component): boolean {
    const turned = component.turned.get(refKey(this.#ref))!;
    if (!this.orders.isOpen) {
      const revision = this.#helloIn(component);
      if (revision === null || this.#isClosed) return false;
      this.orders.open(revision);
      const { run } = contextOf<WorkerContext>(turned.after);
      this.#known.broughtAlong(this.#hello!.attempts, run);
      // Not before its turn is committed: an agent that is not welcome waits longer each time.
      this.send({ type: 'welcome', worker: this.#ref.id, heartbeatMs: HEARTBEAT_MS });
    }
    return this.orders.committed(turned, component);
  }

  /** The turn that took our hello. Orders of earlier ones were answered for in it. */
  #helloIn({ mails, journal }: Component): number | null {
    if (!mails.some(({ event }) => event === this.#hello)) return null;
    const hellos = journal.filter(
      ({ ref, event }) => ref.id === this.#ref.id && event.includes('"worker.connected"'),
    );
    return hellos.at(-1)?.revision ?? null;
  }

  #report(frame: AgentFrame, epoch: string): void {
    switch (frame.type) {
      case 'hello':
        this.#identity.refused('worker.helloRepeated', { epoch: frame.epoch });
        return this.close(1008, 'hello was said already.');
      case 'heartbeat':
        return void this.#beat(epoch).catch(this.#giveUp);
      case 'acknowledged':
        return this.#noteAcknowledged(frame.command);
      case 'loaded':
        return this.#tell({ ...frame, type: 'model.loaded', epoch });
      case 'loadFailed':
        return this.#loadFailed(frame, epoch);
      case 'unloaded':
        return this.#tell({ ...frame, type: 'model.unloaded', epoch });
      case 'started':
        return this.#started(frame, epoch);
      case 'finished':
        this.#letGo(frame);
        return void this.#finished(frame, epoch).catch(this.#giveUp);
      case 'failed':
        this.#letGo(frame);
        if (this.#reported(frame)) this.#tell({ ...frame, type: 'run.failed', epoch });
        return;
      case 'cancelled':
        this.#letGo(frame);
        if (this.#reported(frame)) this.#tell({ ...frame, type: 'run.cancelled', epoch });
        return;
      case 'progress':
      case 'text':
        return this.#show(frame);
      case 'drained':
        return;
    }
  }

  /**
   * Its lease ran out while the socket stayed open: only another hello makes the worker known again. Unless
   * it is connected elsewhere by now: the newest connection wins, also across runtimes.
   */
  async #beat(epoch: string): Promise<void> {
    const { post, runtimeId } = this.#seams;
    const beat = { type: 'worker.heartbeat', epoch, runtime: runtimeId } as const;
    const outcome = await post(this.#ref, beat);
    if (!outcome.ok || outcome.changed) return;
    const now = outcome.actor && contextOf<WorkerContext>(outcome.actor).run;
    if (now && now.runtime !== '' && (now.runtime !== runtimeId || now.epoch !== epoch))
      this.close(...NEWER_SESSION);
    else this.close(1013, 'The lease has run out. Say hello again.');
  }

  /**
   * One from before the hello, which is repeated after it, says nothing: what still has to be loaded was
   * ordered anew, and jobs that were given meanwhile wait for that.
   */
  #loadFailed(frame: AgentFrameOf<'loadFailed'>, epoch: string): void {
    if (!this.#known.isToLoad(frame.model)) return;
    this.#tell({ ...frame, type: 'model.loadFailed', epoch });
  }

  /**
   * What a report is about. An attempt that came back without counting is given out again under its old
   * name, perhaps to the same worker: a late repeat of the old one's end must not end the new one. The agent
   * acknowledges an order before it says anything else about it, so what is said earlier is such a repeat.
   * One that nobody here knows has been settled: the agent may forget it.
   */
  #reported({ job, attempt }: AttemptName): KnownAttempt | null {
    const known = this.#known.attempt({ job, attempt });
    if (!known) this.send({ type: 'settled', job, attempt });
    return known?.isAgents ? known : null;
  }

  /** Straight to the job: the worker's chart has nothing to add. */
  #started(frame: AgentFrameOf<'started'>, epoch: string): void {
    const { job, attempt } = frame;
    this.#letGo(frame);
    const slot = this.#reported(frame);
    if (slot) this.#tellJob(slot.accountId, job, { type: 'run.started', attempt, epoch });
  }

  /**
   * A result counts only when its bytes are here, uploaded for this job's account: nothing is charged for
   * a missing file, and no worker can hand one person's file to another.
   */
  async #finished(frame: AgentFrameOf<'finished'>, epoch: string): Promise<void> {
    const { job, attempt, outputs } = frame;
    const { isStored } = this.#seams;
    const slot = this.#reported(frame);
    if (!slot) return;
    const stored = await Promise.all(outputs.map((output) => isStored(slot.accountId, output)));
    if (stored.every(Boolean)) {
      const refused = await this.#seams.whyHidden(slot.accountId, job, outputs);
      const finished = { ...frame, type: 'run.finished', epoch } as const;
      return this.#tell(refused === null ? finished : { ...finished, refused });
    }
    const message = 'An output was reported that was never uploaded.';
    this.#tell({ type: 'run.failed', epoch, job, attempt, code: 'outputMissing', message });
  }

  /** Progress and text bypass the turns. */
  #show(frame: AgentFrameOf<'progress' | 'text'>): void {
    const slot = this.#known.attempt(frame);
    if (!slot || slot.phase === 'cancelling') return;
    const { attempt: _, job: job_id, ...rest } = frame;
    if ('preview' in rest && !this.#seams.showsPreviews(slot.accountId, job_id))
      delete rest.preview;
    this.#seams.live.broadcast(slot.accountId, { ...rest, job_id });
  }

  #deliver(frame: RuntimeFrame, accountId: string | null): void {
    this.#known.sent(frame, accountId);
    this.send(frame);
  }

  #noteAcknowledged(id: string): void {
    const order = this.orders.acknowledged(id);
    if (!order) return;
    this.#known.acknowledged(order);
    const { frame, accountId } = order;
    if (frame.type === 'run' && accountId !== null) void this.#holdBack(frame, accountId);
  }

  /** Most attempts start at once: then the acknowledgement costs no turn. */
  async #holdBack({ job, attempt }: AttemptName, accountId: string): Promise<void> {
    const name = nameOf({ job, attempt });
    this.#held.add(name);
    await this.#seams.clock.sleep(ACKNOWLEDGE_HOLD_MS);
    if (!this.#held.delete(name)) return;
    const { epoch } = this.#hello!;
    this.#tellJob(accountId, job, { type: 'run.acknowledged', attempt, epoch });
  }

  #letGo(attempt: AttemptName): void {
    this.#held.delete(nameOf(attempt));
  }

  #tellJob(
    accountId: string,
    job: string,
    event: { type: 'run.started' | 'run.acknowledged'; attempt: number; epoch: string },
  ): void {
    const fenced = { ...event, worker: this.#ref.id };
    this.#seams.post(jobRef(accountId, job), fenced).catch(this.#giveUp);
  }

  send(frame: RuntimeFrame): void {
    if (!this.#isClosed) this.#connection.send(JSON.stringify(frame));
  }

  #tell(event: WorkerEvent): void {
    this.#post(event).catch(this.#giveUp);
  }

  async #post(event: WorkerEvent): Promise<void> {
    await this.#seams.post(this.#ref, event);
  }

  /** The report could not be committed. The agent keeps it and repeats it on the next connection. */
  readonly #giveUp = (error: Error): void => {
    this.#seams.log(`worker ${this.#ref.id}: ${error.message}`);
    this.close(1013, 'Try again.');
  };

  close(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#connection.close(code, reason);
    this.closed();
  }

  closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // After the next hello the worker's chart tells the jobs what the agent has.
    this.#held.clear();
    this.#registry.gone();
    if (this.#hello === null) return;
    const { runtimeId, log } = this.#seams;
    // After the hello, even one that is still being committed: mail is taken in the order of its posting.
    const gone = {
      type: 'worker.disconnected',
      epoch: this.#hello.epoch,
      runtime: runtimeId,
    } as const;
    this.#post(gone).catch(
      (error: Error) => log(`worker ${this.#ref.id}: ${error.message}`), // its lease runs out instead
    );
  }
}

/** Who the key says that this is. */
export interface WorkerIdentity {
  /** Null: the agent says how it is called. */
  readonly name: string | null;
  /** Told of what a worker has no right to, for the audit. */
  readonly refused: (action: string, details: Readonly<Record<string, string>>) => void;
}

interface Registry {
  /** @returns null, and `leave` follows; else how long it has to stay away */
  enter(isBusy: boolean): number | null;
  leave(): void;
  ready(epoch: string): void;
  gone(): void;
}
