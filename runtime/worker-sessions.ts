// The worker agents that are connected to this runtime. Turns their frames into events and the outbox
// into frames. A session decides nothing: whatever it says twice, or an older boot says late, is fenced
// off by the charts.
import type { Store } from '../db/store.ts';
import { jobRef, workerRef, type ActorRef } from '../machines/contract/ids.ts';
import { agentFrame, type Output } from '../machines/contract/worker-protocol.ts';
import type { JobContext } from '../machines/job/context.ts';
import type { WorkerContext } from '../machines/worker/context.ts';
import { isUnreadable, type Actor } from './actor.ts';
import type { Clock } from './clock.ts';
import type { Component } from './component.ts';
import type { Live } from './live.ts';
import { oneAtATime } from './one-at-a-time.ts';
import type { Reader } from './reader.ts';
import type { Turns } from './turn.ts';
import { contextOf } from './views.ts';
import { WorkerAdmission } from './worker-admission.ts';
import { NEWER_SESSION, WorkerSession, type WorkerIdentity } from './worker-session.ts';

/** Fallback for what another runtime committed for one of our workers. */
const POLL_MS = 200;
const POLL_MAX = 500;

export interface Connection {
  send(text: string): void;
  close(code: number, reason: string): void;
  bufferedBytes(): number;
}

export interface SessionSeams {
  readonly runtimeId: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly reader: Reader;
  /** Is the output's file here, of that size, and uploaded for that account? */
  readonly isStored: (accountId: string, output: Output) => Promise<boolean>;
  /** Why nobody may see these; null: they may be shown. Never fails. */
  readonly whyHidden: (
    accountId: string,
    job: string,
    outputs: readonly Output[],
  ) => Promise<string | null>;
  /** Whether what is seen of it on the way may be shown. */
  readonly showsPreviews: (accountId: string, job: string) => boolean;
  readonly live: Live;
  readonly post: Turns['post'];
  readonly log: (message: string) => void;
  /** 0 <= x < 1 */
  readonly random: () => number;
  /** How many may greet at once, where it is not as usual. */
  readonly hellosMax?: number | undefined;
}

const UNKNOWN_IDENTITY: WorkerIdentity = { name: null, refused: () => undefined };

const destinationOf = (workerId: string): string => `worker:${workerId}`;

export class WorkerSessions {
  readonly #seams: SessionSeams;
  readonly #sessions = new Map<string, WorkerSession>();
  readonly #admission: WorkerAdmission;
  readonly #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(seams: SessionSeams) {
    this.#seams = seams;
    this.#admission = new WorkerAdmission(seams.random, seams.hellosMax);
  }

  get size(): number {
    return this.#sessions.size;
  }

  has(workerId: string): boolean {
    return this.#sessions.has(workerId);
  }

  /** @returns what the socket's owner calls with each text frame, and once when it is closed */
  accept(connection: Connection, workerId: string, identity = UNKNOWN_IDENTITY) {
    const session = new WorkerSession(this.#seams, connection, workerId, identity, {
      enter: (isBusy) => this.#admission.enter(isBusy),
      leave: () => this.#admission.leave(),
      // The newest connection of a worker wins; the old one is told so.
      ready: (epoch) => {
        const old = this.#sessions.get(workerId);
        // Another boot, while the first one lives: somebody else has the key, too.
        if (old?.epoch && old.epoch !== epoch)
          identity.refused('worker.sessionReplaced', { epoch: old.epoch, by_epoch: epoch });
        old?.close(...NEWER_SESSION);
        this.#sessions.set(workerId, session);
      },
      gone: () => {
        if (this.#sessions.get(workerId) === session) this.#sessions.delete(workerId);
      },
    });
    return {
      receive: (text: string) => {
        const parsed = agentFrame.safeParse(parseJson(text));
        if (parsed.success) session.receive(parsed.data);
        else session.close(1008, `A frame is not valid: ${parsed.error.issues[0]?.message}`);
      },
      closed: () => session.closed(),
    };
  }

  /** Hands over what was just committed for workers that are connected here. */
  committed(component: Component): void {
    if (this.#sessions.size === 0) return;
    for (const { after } of component.turned.values()) {
      const session = after.ref.kind === 'worker' ? this.#sessions.get(after.ref.id) : undefined;
      if (session?.committed(component)) this.look();
    }
  }

  /** Another runtime committed turns of these workers; those of ours may have orders waiting. */
  changed(workerIds: Iterable<string>): void {
    for (const id of workerIds) if (this.#sessions.has(id)) return this.look();
  }

  /** Reads the outbox soon. It is read anyway, a little later. */
  look(): void {
    void this.#lookOnce().catch((error: Error) => this.#seams.log(`outbox: ${error.message}`));
  }

  /**
   * The job's account and inputs, if this worker has this attempt right now, or was cut off with it and
   * may still bring it back; else null. Asked of the store: any runtime may be asked, and ours may not have
   * heard yet of what another one has just given to the worker.
   * @param attempt null: whichever it has now
   */
  async leaseOf(workerId: string, job: string, attempt: number | null) {
    const worker = await this.#read(workerRef(workerId));
    if (!worker) return null;
    const { slots, lost } = contextOf<WorkerContext>(worker).run;
    const slot = slots[job] ?? (attempt === null ? undefined : lost[job]);
    if (!slot || (attempt !== null && slot.attempt !== attempt)) return null;
    const found = await this.#read(jobRef(slot.accountId, job));
    if (!found) return null;
    return { accountId: slot.accountId, inputs: contextOf<JobContext>(found).spec.inputs };
  }

  /** Null for one that newer code wrote, too: the agent asks again, and meets that code. */
  async #read(ref: ActorRef): Promise<Actor | null> {
    const { store, reader } = this.#seams;
    const [row] = await store.load([ref]);
    const actor = row && reader.read(row);
    return actor && !isUnreadable(actor) ? actor : null;
  }

  start(): void {
    this.#loop = this.#poll();
  }

  async #poll(): Promise<void> {
    const { clock, log } = this.#seams;
    while (!this.#stop.signal.aborted) {
      await clock.sleep(POLL_MS, this.#stop.signal);
      if (this.#sessions.size > 0)
        await this.runOnce().catch((error: Error) => log(`outbox: ${error.message}`)); // tried again soon
    }
  }

  runOnce(): Promise<void> {
    return this.#lookOnce();
  }

  readonly #lookOnce = oneAtATime(async () => {
    const { store } = this.#seams;
    const sessions = [...this.#sessions];
    // Before the rows are read: what was committed until now is among them.
    const asked = sessions.map(([id, session]) => ({ id, session, upTo: session.orders.wanted }));
    await this.#clear(asked.map(({ session }) => session));
    const rows = await store.outbox(
      asked.map(({ id }) => destinationOf(id)),
      POLL_MAX,
    );
    const byWorker = Map.groupBy(rows, ({ destination }) => destination);
    const isWhole = rows.length < POLL_MAX;
    for (const { id, session, upTo } of asked)
      session.orders.take(byWorker.get(destinationOf(id)) ?? [], isWhole ? upTo : 0);
    if (!isWhole) this.look();
  });

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    const sessions = [...this.#sessions.values()];
    for (const session of sessions) session.close(1012, 'The runtime restarts.');
    await this.#clear(sessions);
  }

  async #clear(sessions: readonly WorkerSession[]): Promise<void> {
    const rows = sessions.flatMap((session) => session.orders.done);
    if (rows.length === 0) return;
    await this.#seams.store.outboxDelivered(rows);
    for (const { id } of rows) for (const session of sessions) session.orders.cleared(id);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
