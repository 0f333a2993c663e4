// Who watches what, in this process. Job events come stamped and durable from the stream's relay; progress
// and text are lossy and never touch the database.
import type { StreamFrame } from '../machines/contract/views.ts';

export type Ephemeral = Extract<StreamFrame, { type: 'progress' | 'text' | 'position' }>;

export interface Watcher {
  /** New stamped rows are readable from the store; read on from your own `seq`. */
  rowsStamped(): void;
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

  /** @param accountIds owners of rows that were just stamped */
  stamped(accountIds: Iterable<string>): void {
    for (const accountId of new Set(accountIds))
      for (const watcher of this.#byAccount.get(accountId) ?? []) watcher.rowsStamped();
  }

  ephemeral(accountId: string, frame: Ephemeral): void {
    for (const watcher of this.#byAccount.get(accountId) ?? []) watcher.ephemeral(frame);
  }
}
