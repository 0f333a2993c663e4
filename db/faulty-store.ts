// Test equipment: a Store whose calls go wrong on purpose. A fault names the method, which of its calls,
// and how; so a test can let every single call of a run fail once in every way.
import { type CommitBatch, type Store, StoreUnavailable, UnknownOutcome } from './store.ts';

/**
 * `refused`: not executed, and the caller is told so. `requestLost`: not executed, and nobody knows.
 * `answerLost`: executed, and nobody knows. `requestLate`: waits, then is executed. `answerLate`: executed,
 * then waits. `conflict`: a component is reported lost, though nobody else wrote.
 */
export type FaultKind =
  'refused' | 'requestLost' | 'answerLost' | 'requestLate' | 'answerLate' | 'conflict';

export interface Fault {
  readonly method: keyof Store;
  /** 1 for the first call of the method. */
  readonly nth: number;
  readonly kind: FaultKind;
}

/** The ways in which a method can fail: all but the commit may simply be asked again. */
export const faultKindsOf = (method: keyof Store): readonly FaultKind[] =>
  method === 'commit'
    ? ['refused', 'requestLost', 'answerLost', 'requestLate', 'answerLate', 'conflict']
    : ['refused', 'answerLost', 'requestLate', 'answerLate'];

export interface FaultyStoreOptions {
  readonly faults: readonly Fault[];
  /** How long a late request or answer takes. */
  readonly pause: () => Promise<void>;
}

export interface FaultyStore {
  readonly store: Store;
  /** How often each method was called. */
  readonly calls: ReadonlyMap<keyof Store, number>;
  /** Faults whose call never came. */
  readonly pending: ReadonlySet<Fault>;
}

type Method = (...parameters: never[]) => Promise<unknown>;

export function faultyStore(store: Store, { faults, pause }: FaultyStoreOptions): FaultyStore {
  const calls = new Map<keyof Store, number>();
  const pending = new Set(faults);
  const wrapped = (method: keyof Store, execute: Method) => (parameters: never[]) => {
    const nth = (calls.get(method) ?? 0) + 1;
    calls.set(method, nth);
    const fault = faults.find((each) => each.method === method && each.nth === nth);
    if (!fault) return execute(...parameters);
    pending.delete(fault);
    const [batch] = parameters as readonly unknown[];
    if (fault.kind === 'conflict') return loseFirst(store, batch as CommitBatch);
    const unknown = () =>
      method === 'commit'
        ? new UnknownOutcome((batch as CommitBatch).batchId)
        : new StoreUnavailable(`The answer of ${method} was lost on purpose.`);
    return breaking(fault, () => execute(...parameters), pause, unknown);
  };
  const proxy = new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      const call = wrapped(name as keyof Store, member.bind(target) as Method);
      return (...parameters: never[]) => call(parameters);
    },
  });
  return { store: proxy, calls, pending };
}

async function breaking(
  { kind, method }: Fault,
  execute: () => Promise<unknown>,
  pause: () => Promise<void>,
  unknown: () => Error,
): Promise<unknown> {
  if (kind === 'refused') throw new StoreUnavailable(`${method} was refused on purpose.`);
  if (kind === 'requestLost') throw unknown();
  if (kind === 'requestLate') await pause();
  const answer = await execute();
  if (kind === 'answerLost') throw unknown();
  if (kind === 'answerLate') await pause();
  return answer;
}

/** The first component is left out, as if somebody else had changed its actors; the others are written. */
async function loseFirst(store: Store, batch: CommitBatch): Promise<unknown> {
  const isKept = (row: unknown): boolean => (row as { component: number }).component !== 0;
  const rest = Object.fromEntries(
    Object.entries(batch).map(([name, value]: [string, unknown]) => [
      name,
      Array.isArray(value) ? value.filter(isKept) : value,
    ]),
  ) as unknown as CommitBatch;
  const result = await store.commit(rest);
  return { ...result, lost: [0, ...result.lost] };
}
