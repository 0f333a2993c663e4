// The worker agents that are connected to this runtime. Turns their frames into events and the outbox
// into frames. A session decides nothing: whatever it says twice, or an older boot says late, is fenced
// off by the charts.
import type { Store } from '../db/store.ts';
import { jobRef } from '../machines/contract/ids.ts';
import {
  agentFrame,
  type Output,
  type WorkerCommand,
} from '../machines/contract/worker-protocol.ts';
import type { JobContext } from '../machines/job/context.ts';
import type { WorkerContext } from '../machines/worker/context.ts';
import { restore, type Actor } from './actor.ts';
import type { Clock } from './clock.ts';
import type { Component } from './component.ts';
import type { Live } from './live.ts';
import type { Turns } from './turn.ts';
import { contextOf } from './views.ts';
import { WorkerSession } from './worker-session.ts';

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
  /** Is the output's file here, of that size, and uploaded for that account? */
  readonly isStored: (accountId: string, output: Output) => Promise<boolean>;
  readonly live: Live;
  readonly post: Turns['post'];
  readonly worker: (id: string) => Actor | null;
  readonly log: (message: string) => void;
}

export const destinationOf = (workerId: string): string => `worker:${workerId}`;

/** What an outbox row for a worker holds. The account stays on this side of the wire. */
export interface OrderPayload {
  readonly frame: WorkerCommand;
  readonly accountId: string | null;
}

export class WorkerSessions {
  readonly #seams: SessionSeams;
  readonly #sessions = new Map<string, WorkerSession>();
  readonly #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(seams: SessionSeams) {
    this.#seams = seams;
  }

  get size(): number {
    return this.#sessions.size;
  }

  has(workerId: string): boolean {
    return this.#sessions.has(workerId);
  }

  /** @returns what the socket's owner calls with each text frame, and once when it is closed */
  accept(connection: Connection, workerId: string) {
    const session = new WorkerSession(this.#seams, connection, workerId, {
      // The newest connection of a worker wins; the old one is told so.
      ready: () => {
        this.#sessions.get(workerId)?.close(4001, 'A newer connection of this worker has opened.');
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
    for (const row of component.outbox) this.#sessionFor(row.destination)?.deliver(row);
    for (const { worker, attempt } of component.settles)
      this.#sessions.get(worker.id)?.send({ type: 'settled', ...attempt });
  }

  #sessionFor(destination: string): WorkerSession | undefined {
    return this.#sessions.get(destination.slice('worker:'.length));
  }

  /**
   * The job's account and inputs, if this worker has this attempt right now, or was cut off with it and
   * may still bring it back; else null.
   */
  async leaseOf(workerId: string, job: string, attempt: number) {
    const worker = this.#seams.worker(workerId);
    if (!worker) return null;
    const { slots, lost } = contextOf<WorkerContext>(worker).run;
    const slot = slots[job] ?? lost[job];
    if (slot?.attempt !== attempt) return null;
    const [row] = await this.#seams.store.load([jobRef(slot.accountId, job)]);
    if (!row) return null;
    const { spec } = contextOf<JobContext>(restore(row));
    return { accountId: slot.accountId, inputs: spec.inputs };
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

  async runOnce(): Promise<void> {
    const { store } = this.#seams;
    const asked = new Set(this.#sessions.values());
    const destinations = [...this.#sessions.keys()].map(destinationOf);
    await this.#clear([...asked]);
    const rows = await store.outbox(destinations, POLL_MAX);
    // A session that opened meanwhile has dropped what was ordered before its hello.
    for (const row of rows) {
      const session = this.#sessionFor(row.destination);
      if (session && asked.has(session)) session.deliver(row);
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    const sessions = [...this.#sessions.values()];
    for (const session of sessions) session.close(1012, 'The runtime restarts.');
    await this.#clear(sessions);
  }

  async #clear(sessions: readonly WorkerSession[]): Promise<void> {
    const rows = sessions.flatMap((session) => session.acknowledged);
    if (rows.length === 0) return;
    await this.#seams.store.outboxDelivered(rows);
    for (const { id } of rows) for (const session of sessions) session.cleared(id);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
