// What an invariant is given to look at after a commit.
import type { JobContext } from '../../machines/job/context.ts';
import type { QuotaContext } from '../../machines/quota/decisions.ts';
import type { WorkerContext } from '../../machines/worker/context.ts';
import type { Books, Change, Commit, Fact } from './books.ts';
import type { Check } from './check.ts';
import type { WaitingRoom } from './waiting-room.ts';

export interface Checked {
  readonly commit: Commit;
  readonly books: Books;
  readonly check: Check;
  readonly room: WaitingRoom;
  /** Nothing of this runtime's was lost lately. */
  readonly isCalm: boolean;
  /** Was the file uploaded for that account? */
  readonly isUploaded: (accountId: string, blob: string) => boolean;
  /** The term in which somebody holds the lease; null when nobody does. */
  readonly leaseTerm: (name: string, at: number) => number | null;
}

export type Rule = (checked: Checked) => void;

const of = <Context>(changes: readonly Change[], kind: string) =>
  changes.filter(({ after }) => after.ref.kind === kind) as {
    before: Fact<Context> | undefined;
    after: Fact<Context>;
  }[];
export const jobsOf = ({ commit }: Checked) => of<JobContext>(commit.changes, 'job');
export const workersOf = ({ commit }: Checked) => of<WorkerContext>(commit.changes, 'worker');
export const quotasOf = ({ commit }: Checked) => of<QuotaContext>(commit.changes, 'quota');
