// Who watches what, in this process. Job events are durable rows that a watcher reads; progress
// and text are lossy and never touch the database.
import type { StreamFrame } from '../machines/contract/views.ts';

export type Ephemeral = Extract<StreamFrame, { type: 'progress' | 'text' | 'position' }>;

export interface Watcher {
  /** New rows are readable from the store; read on from your own `seq`. */
  rowsPublished(): void;
  ephemeral(frame: Ephemeral): void;
}

/** People may watch at another runtime than the one that their worker is connected to. */
export interface Elsewhere {
  /** Whether anybody here watches the account, each time that changes. */
  watched(accountId: string, isWatched: boolean): void;
  show(accountId: string, frame: Ephemeral): void;
}

export class Live {
  readonly #byAccount = new Map<string, Set<Watcher>>();
  readonly #ofAll = new Set<() => void>();
  readonly #elsewhere: Elsewhere | null;

  constructor(elsewhere: Elsewhere | null = null) {
    this.#elsewhere = elsewhere;
  }

  watch(accountId: string, watcher: Watcher): () => void {
    const watchers = this.#byAccount.get(accountId) ?? new Set();
    if (watchers.size === 0) this.#elsewhere?.watched(accountId, true);
    this.#byAccount.set(accountId, watchers.add(watcher));
    return () => {
      if (!watchers.delete(watcher) || watchers.size > 0) return;
      this.#byAccount.delete(accountId);
      this.#elsewhere?.watched(accountId, false);
    };
  }

  /** Called when any account may have new rows. */
  watchRows(published: () => void): () => void {
    this.#ofAll.add(published);
    return () => void this.#ofAll.delete(published);
  }

  get watchedAccounts(): Iterable<string> {
    return this.#byAccount.keys();
  }

  /** The account may have new rows. */
  published(accountId: string): void {
    for (const watcher of this.#byAccount.get(accountId) ?? []) watcher.rowsPublished();
    for (const published of this.#ofAll) published();
  }

  /** To everybody who watches, wherever. */
  broadcast(accountId: string, frame: Ephemeral): void {
    this.ephemeral(accountId, frame);
    this.#elsewhere?.show(accountId, frame);
  }

  /** To those who watch here. */
  ephemeral(accountId: string, frame: Ephemeral): void {
    for (const watcher of this.#byAccount.get(accountId) ?? []) watcher.ephemeral(frame);
  }
}
