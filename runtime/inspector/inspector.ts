// Everybody who looks on. Costs nothing while nobody does.
import type { Store, StoredActor } from '../../db/store.ts';
import { jobRef, quotaRef } from '../../machines/contract/ids.ts';
import type { Clock } from '../clock.ts';
import type { Component } from '../component.ts';
import type { StreamSocket } from '../http/stream-session.ts';
import type { History } from './history.ts';
import { InspectorSession, type SessionSeams } from './session.ts';

const SESSIONS_MAX = 16;
/** For what other runtimes commit; what this one does is told at once. */
const POLL_MS = 2_000;
const POLL_ROWS = 2_000;

export interface InspectorSeams {
  readonly store: Pick<Store, 'load' | 'readStream' | 'streamHead' | 'listWithout'>;
  readonly history: History;
  readonly clock: Clock;
  readonly log: (message: string) => void;
}

export class Inspector {
  readonly #seams: InspectorSeams;
  readonly #sessions = new Set<InspectorSession>();
  /** Where looking at everybody's jobs goes on; null while nobody wants to. */
  #seen: { readonly seq: number; readonly at: number } | null = null;
  #stop: AbortController | null = null;

  constructor(seams: InspectorSeams) {
    this.#seams = seams;
  }

  get history(): History {
    return this.#seams.history;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** @returns null when enough look on already */
  accept(
    socket: StreamSocket,
    seams: Omit<SessionSeams, 'history'>,
  ): Pick<InspectorSession, 'receive' | 'closed'> | null {
    if (this.#sessions.size >= SESSIONS_MAX) return null;
    const session = new InspectorSession({ ...seams, history: this.#seams.history }, socket);
    this.#sessions.add(session);
    if (!this.#stop) void this.#poll((this.#stop = new AbortController()).signal);
    return {
      receive: (text) => session.receive(text),
      closed: () => {
        session.closed();
        this.#sessions.delete(session);
        if (this.#sessions.size === 0) this.stop();
      },
    };
  }

  committed(component: Component): void {
    for (const session of this.#sessions) session.committed(component);
  }

  stop(): void {
    this.#stop?.abort();
    this.#stop = null;
    this.#seen = null;
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#seams;
    while (!signal.aborted) {
      await clock.sleep(POLL_MS, signal);
      if (!signal.aborted)
        await this.runOnce().catch((error: Error) => log(`inspector: ${error.message}`)); // again soon
    }
  }

  /** Looks for what other runtimes have committed. */
  async runOnce(): Promise<void> {
    for (const session of this.#sessions) {
      const ref = session.one;
      const actor = ref && (await this.#seams.history.find(ref));
      if (actor) session.stored(actor, false);
    }
    const curious = [...this.#sessions].filter(({ isOfMany }) => isOfMany);
    if (curious.length === 0) this.#seen = null;
    else
      for (const [actor, isNew] of await this.#changed())
        for (const session of curious) session.stored(actor, isNew);
  }

  /**
   * Jobs that publicly changed since the last look, their owners' quotas, and all workers. What only the
   * journal saw of a job comes along with its next public change.
   */
  async #changed(): Promise<[actor: StoredActor, isNew: boolean][]> {
    const { store, clock } = this.#seams;
    const { seq, at } = this.#seen ?? { seq: await store.streamHead(), at: clock.now() };
    const now = clock.now();
    const rows = await store.readStream(null, seq, POLL_ROWS);
    // Too much for us to keep up with: whoever is missed is introduced when next seen.
    const isFull = rows.length === POLL_ROWS;
    this.#seen = { seq: isFull ? await store.streamHead() : (rows.at(-1)?.seq ?? seq), at: now };
    const jobs = rows.map(({ accountId, jobId }) => jobRef(accountId, jobId));
    const quotas = rows.map(({ accountId }) => quotaRef(accountId));
    const actors = [
      ...(jobs.length > 0 ? await store.load([...jobs, ...quotas]) : []),
      ...(await store.listWithout('worker', 'settled')),
    ];
    return actors.map((actor) => [actor, actor.createdAt >= at - POLL_MS]);
  }
}
