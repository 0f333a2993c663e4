// Batches from a seed: mostly sound ones, in the state that the store is in, and often with something in
// them that a store must notice: an old revision, a stale fence, a parked actor, a posting made twice.
import type { MemoryStore } from '../../db/memory-store.ts';
import type {
  ActorRead,
  ActorWrite,
  CommitBatch,
  JournalWrite,
  LedgerWrite,
} from '../../db/store.ts';
import { jobRef, quotaRef, refKey, workerRef, type ActorRef } from '../../machines/contract/ids.ts';
import type { Random } from '../simulation/random.ts';

export const ACCOUNTS = ['acc_a', 'acc_b', 'acc_c'];
export const LEASES = ['dispatcher', 'timers'];
export const DESTINATIONS = ['worker:wrk_1', 'worker:wrk_2'];
export const TAGS = ['waiting', 'running', 'settled'];
const TIMERS = ['lease', 'deadline', 'xstate.after.1000.job.assigned'];
/** What a text must survive on its way: separators, quotes, nothing at all. */
const TEXTS = ['', 'null', '{}', '{"a":"ü, \'x\' \\\\ \\n"}', '{1,2}', '"', '\u{1f6a2}', 'a\tb\nc'];

export const REFS: readonly ActorRef[] = [
  ...ACCOUNTS.flatMap((account) => [1, 2, 3, 4].map((n) => jobRef(account, `job_${n}`))),
  ...ACCOUNTS.map(quotaRef),
  ...['wrk_1', 'wrk_2'].map(workerRef),
];

export class BatchMaker {
  readonly #random: Random;
  readonly #tables: MemoryStore['tables'];
  #number = 0;

  constructor(random: Random, memory: MemoryStore) {
    this.#random = random;
    this.#tables = memory.tables;
  }

  #text = (): string => this.#random.pick(TEXTS);
  #next = (prefix: string): string => `${prefix}_${++this.#number}`;

  make(): CommitBatch {
    const random = this.#random;
    const components = random.integer(1, 4);
    const free = new Set(REFS);
    const actors: ActorWrite[] = [];
    const parts = Array.from({ length: components }, (_, component) => {
      const refs = Array.from({ length: random.integer(0, 3) }, () => random.pick([...free]));
      const own = [...new Set(refs)];
      for (const ref of own) free.delete(ref);
      const written = own.map((ref) => this.#write(component, ref));
      actors.push(...written);
      return this.#around(component, written, [...free]);
    });
    return {
      batchId: this.#next('batch'),
      components,
      actors,
      reads: this.#reads(components, [...free]),
      journal: parts.flatMap(({ journal }) => journal),
      timersArmed: parts.flatMap(({ timersArmed }) => timersArmed),
      timersCancelled: parts.flatMap(({ timersCancelled }) => timersCancelled),
      ledger: parts.flatMap(({ ledger }) => ledger),
      outbox: parts.flatMap(({ outbox }) => outbox),
      stream: parts.flatMap(({ stream }) => stream),
      parked: oneParker(parts.flatMap(({ parked }) => parked)),
      fences: parts.flatMap(({ fences }) => fences),
    };
  }

  #write(component: number, ref: ActorRef): ActorWrite {
    const random = this.#random;
    const now = this.#tables.actors.get(refKey(ref))?.revision ?? 0;
    const expected = random.chance(0.9) ? now : Math.max(0, now + random.integer(-1, 1));
    return {
      ...{ component, ref, expected, machine: ref.kind, version: random.integer(1, 2) },
      revision: expected + random.integer(1, 3),
      state: random.pick(['queued', 'assigned.executing', 'a.b c.d']),
      tags: TAGS.filter(() => random.chance(0.4)),
      snapshot: random.pick(TEXTS.slice(1)), // JSON, so never empty
    };
  }

  /** Of actors that the batch does not write: most as they are, some as they were or never have been. */
  #reads(components: number, unwritten: readonly ActorRef[]): ActorRead[] {
    const random = this.#random;
    return unwritten.flatMap((ref) => {
      const now = this.#tables.actors.get(refKey(ref))?.revision ?? 0;
      const revision = random.chance(0.8) ? now : Math.max(0, now + random.integer(-1, 1));
      const component = random.integer(0, components - 1);
      return random.chance(0.1) ? [{ component, ref, revision }] : [];
    });
  }

  /** Everything else that the component writes. */
  #around(component: number, written: readonly ActorWrite[], others: readonly ActorRef[]) {
    const random = this.#random;
    const refs = written.map(({ ref }) => ref);
    const some = <T>(probability: number, make: () => T): T[] =>
      random.chance(probability) ? [make()] : [];
    const anywhere = refs.length > 0 && random.chance(0.8) ? refs : others;
    const timer = () => ({ component, ref: random.pick(anywhere), name: random.pick(TIMERS) });
    return {
      journal: written.flatMap((row) => this.#journal(row)),
      timersArmed: Array.from({ length: random.integer(0, 3) }, () => ({
        ...timer(),
        armingId: random.integer(1, 9),
        delayMs: random.integer(0, 900_000),
      })),
      timersCancelled: Array.from({ length: random.integer(0, 2) }, timer),
      ledger: random.chance(0.4) ? this.#posting(component) : [],
      outbox: some(0.4, () => ({
        component,
        accountId: 'system',
        id: `order_${random.integer(1, 60)}`,
        destination: random.pick(DESTINATIONS),
        payload: this.#text(),
      })),
      stream: refs.flatMap(({ kind, accountId, id: jobId }) =>
        kind === 'job' && random.chance(0.6)
          ? [{ component, accountId, jobId, revision: 1, payload: this.#text() }]
          : [],
      ),
      parked: some(0.08, () => ({
        ...{ component, ref: random.pick(REFS), event: this.#text(), reason: this.#text() },
        id: random.chance(0.9) ? this.#next('parked') : 'parked_again',
      })),
      fences: some(0.15, () => this.#fence(component)),
    };
  }

  #journal({ component, ref, expected, revision, state }: ActorWrite): JournalWrite[] {
    return Array.from({ length: revision - expected }, (_, index) => ({
      ...{ component, ref, revision: expected + index + 1, to: state },
      ...{ event: this.#text(), from: this.#text(), patch: this.#text(), effects: this.#text() },
    }));
  }

  /** Now and then one that was made before, one that does not add up, or one that overdraws. */
  #posting(component: number): LedgerWrite[] {
    const random = this.#random;
    const accountId = random.pick(ACCOUNTS);
    const posting = random.chance(0.97) ? ++this.#number : random.integer(1, this.#number + 1);
    const amountMt = random.integer(1, 1_000_000);
    const leg = { component, accountId, posting, reason: this.#text() };
    const jobId = random.chance(0.5) ? 'job_1' : null;
    const balanceMt = random.chance(0.98) ? random.integer(0, 50_000) : -1;
    return [
      { ...leg, leg: 1, book: 'allowance', amountMt, balanceMt, jobId },
      {
        ...{ ...leg, leg: 2, book: 'system:grants', jobId, balanceMt: null },
        amountMt: random.chance(0.98) ? -amountMt : amountMt,
      },
    ];
  }

  #fence(component: number) {
    const random = this.#random;
    const name = random.pick(LEASES);
    const term = this.#tables.leases.get(name)?.term ?? 1;
    return { component, name, term: random.chance(0.7) ? term : term + 1 };
  }
}

/** An actor is parked by one component; else the batch is refused before it is looked at. */
function oneParker<Row extends { ref: ActorRef; component: number }>(rows: readonly Row[]): Row[] {
  const first = new Map<string, number>();
  for (const { ref, component } of rows)
    if (!first.has(refKey(ref))) first.set(refKey(ref), component);
  return rows.filter(({ ref, component }) => first.get(refKey(ref)) === component);
}
