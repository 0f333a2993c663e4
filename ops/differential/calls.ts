// A call of a Store as data, and what came of it in words that both stores can be held to.
import { type Store, StoreUnavailable, UnknownOutcome } from '../../db/store.ts';
import { refKey, type ActorRef } from '../../machines/contract/ids.ts';

type Asked = Exclude<keyof Store, 'close'>;

export interface Call {
  /** Store time of the call. */
  readonly at: number;
  readonly method: Asked;
  readonly parameters: readonly unknown[];
}

export interface Answer {
  readonly value: unknown;
  /** That a store threw counts; what it said is only for whoever reads about a difference. */
  readonly words: string;
}

export async function answerOf(store: Store, { method, parameters }: Call): Promise<Answer> {
  const ask = store[method].bind(store) as (...parameters: readonly unknown[]) => Promise<unknown>;
  try {
    const answer = await ask(...parameters);
    const rows = answer as readonly Answered[];
    return { value: IN_ANY_ORDER.has(method) ? inOrder(rows) : answer, words: '' };
  } catch (error) {
    const passes = error instanceof StoreUnavailable || error instanceof UnknownOutcome;
    return { value: passes ? 'unavailable' : 'refused', words: (error as Error).message };
  }
}

/** These promise no order, or have many rows of the same moment. */
const IN_ANY_ORDER: ReadonlySet<Asked> = new Set(['load', 'listWithout', 'dueTimers', 'learned']);

interface Answered {
  readonly ref?: ActorRef;
  readonly name?: string;
  readonly id?: string;
}
const inOrder = (rows: readonly Answered[]) =>
  rows.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
const keyOf = ({ ref, name, id }: Answered) => `${ref ? refKey(ref) : id} ${name}`;

/** Passes every call on, and writes it down in the order in which the memory store executed them. */
export function recorded(store: Store, now: () => number, calls: Call[]): Store {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      const call = member.bind(target) as (...parameters: unknown[]) => unknown;
      return (...parameters: unknown[]) => {
        if (name !== 'close') calls.push({ at: now(), method: name as Asked, parameters });
        return call(...parameters);
      };
    },
  });
}
