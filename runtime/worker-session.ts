// One connection of one worker's agent: hello, reports in, commands out.
import type { OutboxRow } from '../db/store.ts';
import type { WorkerEvent } from '../machines/contract/events.ts';
import { jobRef, workerRef, type ActorRef } from '../machines/contract/ids.ts';
import type {
  AgentFrame,
  AgentFrameOf,
  RuntimeFrame,
} from '../machines/contract/worker-protocol.ts';
import type { Slot, WorkerContext } from '../machines/worker/context.ts';
import { contextOf } from './views.ts';
import {
  destinationOf,
  type Connection,
  type OrderPayload,
  type SessionSeams,
} from './worker-sessions.ts';

export const HEARTBEAT_MS = 10_000;
const OUTBOX_MAX = 10_000;

export class WorkerSession {
  readonly #seams: SessionSeams;
  readonly #connection: Connection;
  readonly #ref: ActorRef;
  readonly #registry: { ready(): void; gone(): void };
  /** Commands on their way: sent, not yet acknowledged. */
  readonly #sent = new Map<string, OrderPayload>();
  /** Acknowledged, and not yet cleared from the outbox. */
  readonly #acknowledged = new Map<string, Pick<OutboxRow, 'accountId' | 'id'>>();
  #epoch: string | null = null;
  /** Frames wait for the one before them: a report must not overtake `hello`. */
  #ready: Promise<void> | null = null;
  #isClosed = false;

  constructor(
    seams: SessionSeams,
    connection: Connection,
    workerId: string,
    registry: { ready(): void; gone(): void },
  ) {
    this.#seams = seams;
    this.#connection = connection;
    this.#ref = workerRef(workerId);
    this.#registry = registry;
  }

  receive(frame: AgentFrame): void {
    if (frame.type === 'hello' && !this.#ready)
      this.#ready = this.#hello(frame).catch(this.#giveUp);
    else if (!this.#ready) this.close(1008, 'The first frame must be hello.');
    else if (this.#epoch) this.#report(frame);
    else void this.#ready.then(() => this.#report(frame));
  }

  /** Both sides tell what they know; the worker's chart settles the differences in one turn. */
  async #hello(frame: AgentFrameOf<'hello'>): Promise<void> {
    const { store, runtimeId } = this.#seams;
    const { epoch, name, version, gpu, slots, models, loaded, attempts } = frame;
    // Reconciliation replaces whatever was ordered before and never arrived.
    const stale = await store.outbox([destinationOf(this.#ref.id)], OUTBOX_MAX);
    if (stale.length > 0) await store.outboxDelivered(stale);
    if (this.#isClosed) return; // or it would turn out the session that came after it
    this.send({ type: 'welcome', worker: this.#ref.id, heartbeatMs: HEARTBEAT_MS });
    this.#registry.ready();
    await this.#post({
      type: 'worker.connected',
      epoch,
      runtime: runtimeId,
      offer: { name, version, gpu, slots, models },
      loaded,
      attempts,
    });
    this.#epoch = epoch;
  }

  #report(frame: AgentFrame): void {
    const epoch = this.#epoch!;
    switch (frame.type) {
      case 'hello':
        return this.close(1008, 'hello was said already.');
      case 'heartbeat':
        return void this.#beat(epoch).catch(this.#giveUp);
      case 'acknowledged':
        return this.#noteAcknowledged(frame.command);
      case 'loaded':
        return this.#tell({ ...frame, type: 'model.loaded', epoch });
      case 'loadFailed':
        return this.#tell({ ...frame, type: 'model.loadFailed', epoch });
      case 'unloaded':
        return this.#tell({ ...frame, type: 'model.unloaded', epoch });
      case 'started':
        return this.#started(frame, epoch);
      case 'finished':
        return void this.#finished(frame, epoch).catch(this.#giveUp);
      case 'failed':
        return this.#tell({ ...frame, type: 'run.failed', epoch });
      case 'cancelled':
        return this.#tell({ ...frame, type: 'run.cancelled', epoch });
      case 'progress':
      case 'text':
        return this.#show(frame);
      case 'drained':
        return;
    }
  }

  /** Straight to the job: the worker's chart has nothing to add. */
  #started({ job, attempt }: AgentFrameOf<'started'>, epoch: string): void {
    const slot = this.#slotOf(job, attempt);
    if (!slot) return;
    const fence = { attempt, worker: this.#ref.id, epoch };
    this.#seams
      .post(jobRef(slot.accountId, job), { type: 'run.started', ...fence })
      .catch(this.#giveUp);
  }

  /** Its lease ran out while the socket stayed open: only another hello makes the worker known again. */
  async #beat(epoch: string): Promise<void> {
    const { post, runtimeId } = this.#seams;
    const beat = { type: 'worker.heartbeat', epoch, runtime: runtimeId } as const;
    const outcome = await post(this.#ref, beat);
    if (outcome.ok && !outcome.changed) this.close(1013, 'The lease has run out. Say hello again.');
  }

  /**
   * A result counts only when its bytes are here, uploaded for this job's account: nothing is charged for
   * a missing file, and no worker can hand one person's file to another.
   */
  async #finished(frame: AgentFrameOf<'finished'>, epoch: string): Promise<void> {
    const { job, attempt } = frame;
    const slot = this.#slotOf(job, attempt);
    const { isStored } = this.#seams;
    // An attempt that is over is to be forgotten. Should it be given anew right now, then this result is
    // not its result: nobody has looked for its files.
    if (!slot) return this.#tell({ type: 'run.cancelled', epoch, job, attempt });
    const stored = await Promise.all(
      frame.outputs.map((output) => isStored(slot.accountId, output)),
    );
    if (stored.every(Boolean)) return this.#tell({ ...frame, type: 'run.finished', epoch });
    const message = 'An output was reported that was never uploaded.';
    this.#tell({ type: 'run.failed', epoch, job, attempt, code: 'outputMissing', message });
  }

  /** Progress and text bypass the turns; whose they are is read from the worker's slot. */
  #show(frame: AgentFrameOf<'progress' | 'text'>): void {
    const slot = this.#slotOf(frame.job, frame.attempt);
    if (!slot || slot.phase === 'cancelling') return;
    const { attempt: _, job: job_id, ...rest } = frame;
    this.#seams.live.ephemeral(slot.accountId, { ...rest, job_id });
  }

  #slotOf(job: string, attempt: number): Slot | null {
    const actor = this.#seams.worker(this.#ref.id);
    const slot = actor && contextOf<WorkerContext>(actor).run.slots[job];
    return slot?.attempt === attempt ? slot : null;
  }

  #noteAcknowledged(id: string): void {
    const order = this.#sent.get(id);
    if (!order) return;
    this.#sent.delete(id);
    const { frame, accountId } = order;
    this.#acknowledged.set(id, { accountId: this.#ref.accountId, id });
    if (frame.type !== 'run' || accountId === null) return;
    // Straight to the job: the worker's chart has nothing to add.
    const { job, attempt } = frame;
    const fence = { attempt, worker: this.#ref.id, epoch: this.#epoch! };
    this.#seams
      .post(jobRef(accountId, job), { type: 'run.acknowledged', ...fence })
      .catch(this.#giveUp);
  }

  deliver(row: Pick<OutboxRow, 'id' | 'payload'>): void {
    if (this.#sent.has(row.id) || this.#acknowledged.has(row.id)) return;
    const order = JSON.parse(row.payload) as OrderPayload;
    this.#sent.set(row.id, order);
    this.send(order.frame);
  }

  send(frame: RuntimeFrame): void {
    if (!this.#isClosed) this.#connection.send(JSON.stringify(frame));
  }

  /** Commands to be cleared from the outbox; after a crash they are merely sent again. */
  get acknowledged(): readonly Pick<OutboxRow, 'accountId' | 'id'>[] {
    return [...this.#acknowledged.values()];
  }

  cleared(id: string): void {
    this.#acknowledged.delete(id);
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
    this.#registry.gone();
    if (this.#epoch === null) return;
    const { runtimeId, log } = this.#seams;
    this.#post({ type: 'worker.disconnected', epoch: this.#epoch, runtime: runtimeId }).catch(
      (error: Error) => log(`worker ${this.#ref.id}: ${error.message}`), // its lease runs out instead
    );
  }
}
