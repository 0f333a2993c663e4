// Pure: what a journal says about an actor's past. Contexts are folded from the turns' patches, timers from
// what the turns armed and disarmed.
import { isWhole, patched, type Context } from '../../../../machines/contract/patch.ts';
import type { Turn } from '../../../../machines/contract/admin-views.ts';

/** A context after each turn; undefined before the first turn whose context is known. */
export function contextsOf(
  turns: readonly Turn[],
  base: Context | undefined = undefined,
): (Context | undefined)[] {
  let context = base;
  return turns.map(({ patch }) => (context = patched(context, patch)));
}

/** Turns that can be read without what came before them. */
export const beginsAnew = ({ patch }: Turn): boolean => isWhole(patch);

export interface Change {
  /** `run.lease.worker` */
  readonly path: string;
  /** undefined: was not there, or is not there any more. */
  readonly before: unknown;
  readonly after: unknown;
}

const isRecord = (value: unknown): value is Context =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What differs between two contexts, leaf by leaf, in the order of the keys. */
export function changesBetween(before: unknown, after: unknown, path = ''): Change[] {
  if (before === after) return [];
  if (isRecord(before) && isRecord(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) =>
      changesBetween(before[key], after[key], path === '' ? key : `${path}.${key}`),
    );
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, before, after }];
}

/** What a turn set off, as `runtime/journal.ts` notes it. */
export interface Effects {
  readonly tell?: readonly (readonly [to: string, event: string])[];
  readonly post?: readonly (readonly [posting: number, reason: string])[];
  readonly order?: readonly string[];
  readonly settle?: readonly (readonly [job: string, attempt: number])[];
  readonly arm?: readonly (readonly [name: string, delayMs: number])[];
  readonly disarm?: readonly string[];
}

export interface ArmedTimer {
  readonly name: string;
  readonly dueAt: number;
}

/** Timers under way after these turns; those armed before the first of them are not known. */
export function timersAfter(turns: readonly Turn[]): ArmedTimer[] {
  const armed = new Map<string, ArmedTimer>();
  for (const { at, effects } of turns) {
    const { arm = [], disarm = [] } = effects as Effects;
    for (const name of disarm) armed.delete(name);
    for (const [name, delayMs] of arm) armed.set(name, { name, dueAt: Date.parse(at) + delayMs });
  }
  return [...armed.values()].sort((a, b) => a.dueAt - b.dueAt);
}

/** `xstate.after.deadline.job` -> `after deadline`. */
export const eventWords = (type: string): string => {
  const timer = /^xstate\.after\.([^.]+)\./.exec(type);
  return timer ? `after ${timer[1]}` : type;
};

/** `acc_a/job/job_1`, as `refKey` writes it. */
export function nameOf(key: string): { account: string; kind: string; id: string } {
  const [account = '', kind = '', id = ''] = key.split('/');
  return { account, kind, id };
}
