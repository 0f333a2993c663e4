// Who watches what, in this process. Job events are durable rows that a watcher reads; progress
// and text are lossy and never touch the database.
import type { StreamFrame } from '../machines/contract/views.ts';

export type Ephemeral = Extract<StreamFrame, { type: 'progress' | 'text' | 'position' }>;

export interface Watcher {
  /** New rows are readable from the store; read on from your own `seq`. */
  rowsPublished(): void;
  ephemeral(frame: Ephemeral): void;
}

export class Live {
  readonly #byAccount = new Map<string, Set<Watcher>>();

  watch(accountId: string, watcher: Watcher): () => void {
    const watchers = this.#byAccount.get(accountId) ?? new Set();
    this.#byAccount.set(accountId, watchers.add(watcher));
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0) this.#byAccount.delete(accountId);
    };
  }

  get watchedAccounts(): Iterable<string> {
    return this.#byAccount.keys();
  }

  /** The account may have new rows. */
  published(accountId: string): void {
    for (const watcher of this.#byAccount.get(accountId) ?? []) watcher.rowsPublished();
  }

  ephemeral(accountId: string, frame: Ephemeral): void {
    for (const watcher of this.#byAccount.get(accountId) ?? []) watcher.ephemeral(frame);
  }
}
