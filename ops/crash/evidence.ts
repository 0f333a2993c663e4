// Everything that a run leaves behind, as plain data: what the outside saw, what the engines did, and what
// the database and the blob store hold once nothing runs any more. The checker knows nothing else.
import type { EngineLine, Seen } from './history.ts';

export interface ActorRow {
  readonly account: string;
  readonly kind: 'job' | 'worker' | 'quota' | 'subscription';
  readonly id: string;
  readonly revision: number;
  readonly state: string;
  readonly settled: boolean;
  /** The context of its snapshot. */
  readonly context: unknown;
}

export interface JournalRow {
  readonly account: string;
  readonly kind: string;
  readonly id: string;
  readonly revision: number;
  readonly to: string;
}

export interface LegRow {
  readonly account: string;
  readonly posting: number;
  readonly book: string;
  readonly amountMt: number;
  readonly balanceMt: number | null;
  readonly job: string | null;
}

export interface StreamRow {
  readonly seq: number | null;
  readonly account: string;
  readonly job: string;
  readonly state: string;
}

/** An output that a succeeded job promises, and the file that was found for it. */
export interface OutputFile {
  readonly job: string;
  readonly blob: string;
  readonly bytes: number;
  /** Null where there is no file. `madeFor` is what the fake engine wrote into it. */
  readonly found: {
    readonly bytes: number;
    readonly sha256: string;
    readonly madeFor: string;
  } | null;
}

export interface Evidence {
  readonly seen: readonly Seen[];
  readonly engines: readonly EngineLine[];
  readonly actors: readonly ActorRow[];
  readonly journal: readonly JournalRow[];
  readonly ledger: readonly LegRow[];
  readonly stream: readonly StreamRow[];
  readonly streamHead: number;
  readonly outputs: readonly OutputFile[];
  /** `kind/id name` of every timer still armed. */
  readonly timers: readonly { account: string; kind: string; id: string; name: string }[];
  /** Messages that nobody got. */
  readonly outbox: readonly { id: string; destination: string }[];
  readonly parked: readonly { id: string; reason: string }[];
}
