// The invariants by the names they have in the specification of "never loses, never doubles"; those of the
// scheduler (S) are said in `invariants-of-turns.ts`.

export const INVARIANTS = [
  'I0 no programmer error',
  'I1 balance',
  'I2 zero-sum',
  'I3 no overdraft',
  'I4 one ending',
  'I5 one job per key',
  'I6 durable before ack',
  'I7 one lease',
  'I8 slots',
  'I9 fencing',
  'I10 single writer',
  'I11 effect once',
  'I12 timers',
  'I13 replay',
  'I14 isolation',
  'I15 delivery',
  'I16 bounded work',
  'I17 no orphan',
  'I18 daily grant',
  'I20 bounded memory',
  'I23 blobs',
  'I24 versions',
  'I25 no sharing',
  'S1 order of asking',
  'S2 newcomers first',
  'S3 kept back',
  'S4 idle hands',
] as const;

export type Invariant = (typeof INVARIANTS)[number];

export interface Violation {
  readonly invariant: Invariant;
  readonly sentence: string;
}

/** Notes a violation when it is not so. The sentence is made only then. */
export type Check = (invariant: Invariant, isSo: boolean, sentence: () => string) => void;
