// The store as one runtime reaches it: every call takes time, may fail before or after it was carried out,
// and a commit may be carried out long after its caller was told that nobody knows.
import type { MemoryStore } from '../../db/memory-store.ts';
import {
  StoreUnavailable,
  UnknownOutcome,
  type CommitBatch,
  type CommitResult,
  type Store,
} from '../../db/store.ts';
import type { Mishap } from './faults.ts';
import type { Random } from './random.ts';
import type { Owner, Scheduler } from './scheduler.ts';

export interface StoreWorld {
  readonly memory: MemoryStore;
  readonly scheduler: Scheduler;
  /** Does this mishap befall now? Counts it when it does. */
  befalls(mishap: Mishap, random: Random, who: string): boolean;
  /** Runtimes that wait for the answer to a commit. */
  readonly commitsUnderWay: Set<Owner>;
  /** Nobody reaches the store, or this runtime does not. */
  isAway(runtime: Owner): boolean;
  readonly auditor: StoreAuditor;
}

interface StoreAuditor {
  /** Told of every batch that was carried out, before anybody else. */
  wrote(batch: CommitBatch, result: CommitResult, runtime: Owner): void;
  /** A commit that the store itself could not carry out: a programmer error. */
  refused(batch: CommitBatch, error: Error): void;
  /** A commit of unknown outcome: what really became of it. */
  outcomeUnknown(isWritten: boolean): void;
  /** A late commit that was carried out, or found out to be lost. */
  wroteLate(result: CommitResult): void;
}

type Call = (...args: unknown[]) => Promise<unknown>;

/** Ends the waiting of a commit that is still on its way to the store. */
type OnTheirWay = Map<string, { isEnded: boolean }>;

export function storeWithFaults(world: StoreWorld, owner: Owner, random: Random): Store {
  const { memory, scheduler } = world;
  const late: OnTheirWay = new Map();
  const latency = (): number =>
    world.befalls('storeSlow', random, owner.name)
      ? random.between(500, 12_000)
      : random.between(0.2, 3);

  /** In two halves: there, and back. Half of the reads come back in no time, which saves an event. */
  function call(name: string, carryOut: () => Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const answer = (then: () => void, delayMs: number): void =>
        scheduler.after(delayMs, owner, `hears of ${name}`, then);
      scheduler.after(latency(), null, name, () => {
        const refuses = world.isAway(owner) || world.befalls('storeRefuses', random, owner.name);
        if (refuses)
          return answer(() => reject(new StoreUnavailable('The store is away.')), random.next());
        const failsAfter = world.befalls('storeRefusesAfter', random, owner.name);
        const isQuick = name !== 'commit' && random.chance(0.6);
        carryOut().then(
          (result) => {
            if (failsAfter && name !== 'commit')
              answer(() => reject(new StoreUnavailable('The connection broke.')), latency());
            else if (isQuick && owner.isAlive && owner.pausedUntil <= scheduler.now)
              resolve(result);
            else answer(() => resolve(result), latency());
          },
          (error: Error) => answer(() => reject(error), latency()),
        );
      });
    });
  }

  async function write(batch: CommitBatch): Promise<CommitResult> {
    const conflicts = [...Array(batch.components).keys()].filter(() =>
      world.befalls('commitConflicts', random, owner.name),
    );
    const kept = conflicts.length === 0 ? batch : leavingOut(batch, new Set(conflicts));
    try {
      const written = await memory.commit(kept);
      const lost = [...new Set([...written.lost, ...conflicts])].sort((a, b) => a - b);
      const result = { ...written, lost };
      world.auditor.wrote(kept, result, owner);
      return result;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) world.auditor.refused(batch, error as Error);
      throw error;
    }
  }

  async function commit(batch: CommitBatch): Promise<unknown> {
    if (world.befalls('commitUnknown', random, owner.name)) {
      const isWritten = random.chance(0.5);
      if (isWritten) await write(batch);
      world.auditor.outcomeUnknown(isWritten);
      throw new UnknownOutcome(batch.batchId);
    }
    if (world.befalls('commitLate', random, owner.name)) {
      const way = { isEnded: false };
      late.set(batch.batchId, way);
      scheduler.after(random.logarithmic(20, 20_000), null, 'late commit', () => {
        if (way.isEnded) return;
        late.delete(batch.batchId);
        write(batch).then(
          (result) => world.auditor.wroteLate(result),
          () => undefined,
        );
      });
      throw new UnknownOutcome(batch.batchId);
    }
    return write(batch);
  }

  /** As in Postgres: to ask ends the backend that may still be at work. Not every store is so kind. */
  const endsBackend = random.chance(0.7);
  function committed(batchId: string, ...rest: unknown[]): Promise<unknown> {
    const way = late.get(batchId);
    if (way && endsBackend) way.isEnded = true;
    return (memory.committed as Call).call(memory, batchId, ...rest);
  }

  const own: Record<string, Call> = {
    commit: (batch) => {
      world.commitsUnderWay.add(owner);
      const over = (): void => void world.commitsUnderWay.delete(owner);
      return call('commit', () => commit(batch as CommitBatch)).finally(over);
    },
    committed: (id, ...rest) => call('committed', () => committed(id as string, ...rest)),
    close: () => Promise.resolve(),
  };
  const methods = new Map<string | symbol, Call>();
  return new Proxy(memory, {
    get(_, name) {
      const known = methods.get(name);
      if (known) return known;
      const method = Reflect.get(memory, name, memory) as unknown;
      if (typeof method !== 'function') return method;
      const inner = method as Call;
      const called: Call =
        own[name as string] ?? ((...args) => call(String(name), () => inner.apply(memory, args)));
      methods.set(name, called);
      return called;
    },
  });
}

/** The batch without what these components would write; their indices stay. */
function leavingOut(batch: CommitBatch, out: ReadonlySet<number>): CommitBatch {
  const entries = Object.entries(batch).map(([name, rows]) => [
    name,
    Array.isArray(rows)
      ? (rows as { component: number }[]).filter(({ component }) => !out.has(component))
      : (rows as unknown),
  ]);
  return Object.fromEntries(entries);
}
