// All that a frontend's stream is about: the jobs that its key asked for, for whomever. Rows are found by who asked
// (`deliveries`); progress comes by account, so the accounts of its open jobs are watched, and what those people
// started elsewhere is left out.
import {
  acknowledgeEvent,
  listOpenDeliveries,
  readStreamOfKey,
} from '../../db/queries/deliveries.ts';
import type { JobView } from '../../machines/contract/views.ts';
import type { Host } from '../host.ts';
import type { Watcher } from '../live.ts';
import type { StreamPage, Subject } from './stream-session.ts';

const PAGE_ROWS = 500;
const OPEN_PAGE_ROWS = 1_000;
/** Beyond it there is no progress for the newest of those that were under way when the frontend came. */
const OPEN_MAX = 10_000;

type Seams = Pick<Host, 'pool' | 'live'>;

export class FrontendSubject implements Subject {
  readonly #seams: Seams;
  readonly #keyId: string;
  /** By job under way: whose it is. */
  readonly #open = new Map<string, string>();
  readonly #accounts = new Map<string, { jobs: number; readonly unwatch: () => void }>();
  #watcher: Watcher | null = null;

  constructor(seams: Seams, keyId: string) {
    this.#seams = seams;
    this.#keyId = keyId;
  }

  watch(watcher: Watcher): () => void {
    this.#watcher = watcher;
    const unwatchRows = this.#seams.live.watchRows(() => watcher.rowsPublished());
    // Progress is lossy: nothing waits until it is known what was under way.
    void this.#findOpen().catch(() => undefined);
    return () => {
      unwatchRows();
      this.#watcher = null;
      for (const { unwatch } of this.#accounts.values()) unwatch();
      this.#accounts.clear();
      this.#open.clear();
    };
  }

  async #findOpen(): Promise<void> {
    let cursor: string | null = null;
    do {
      const query = { limit: OPEN_PAGE_ROWS, cursor };
      const page = await listOpenDeliveries(this.#seams.pool, this.#keyId, query);
      for (const { accountId, jobId } of page.rows) this.#opened(accountId, jobId);
      cursor = page.nextCursor;
    } while (cursor !== null && this.#open.size < OPEN_MAX);
  }

  async read(after: number): Promise<StreamPage> {
    const rows = await readStreamOfKey(this.#seams.pool, this.#keyId, after, PAGE_ROWS);
    const ours = rows.flatMap(({ payload, ...row }) =>
      payload === null ? [] : { ...row, payload },
    );
    for (const { accountId, jobId, payload } of ours) {
      const { phase } = JSON.parse(payload) as JobView;
      if (phase === 'settled') this.#ended(jobId);
      else this.#opened(accountId, jobId);
    }
    return {
      rows: ours,
      seenTo: rows.at(-1)?.seq ?? after,
      isFull: rows.length === PAGE_ROWS,
    };
  }

  acknowledged(seq: number): Promise<void> {
    return acknowledgeEvent(this.#seams.pool, this.#keyId, seq);
  }

  #opened(accountId: string, jobId: string): void {
    if (this.#watcher === null || this.#open.has(jobId)) return;
    this.#open.set(jobId, accountId);
    const known = this.#accounts.get(accountId);
    if (known) return void (known.jobs += 1);
    const unwatch = this.#seams.live.watch(accountId, {
      rowsPublished: () => undefined,
      ephemeral: (frame) => {
        if (this.#open.has(frame.job_id)) this.#watcher?.ephemeral(frame);
      },
    });
    this.#accounts.set(accountId, { jobs: 1, unwatch });
  }

  #ended(jobId: string): void {
    const accountId = this.#open.get(jobId);
    const account = accountId === undefined ? undefined : this.#accounts.get(accountId);
    this.#open.delete(jobId);
    if (account === undefined || (account.jobs -= 1) > 0) return;
    account.unwatch();
    this.#accounts.delete(accountId!);
  }
}
