// A seeded sequence of store calls. It looks at the memory store's tables before each call, so that most
// calls meet something: rows that exist, leases that are held, batches that were sent before.
import type { MemoryStore } from '../../db/memory-store.ts';
import type { CommitBatch } from '../../db/store.ts';
import type { ActorKind } from '../../machines/contract/ids.ts';
import { Random } from '../simulation/random.ts';
import { ACCOUNTS, BatchMaker, DESTINATIONS, LEASES, REFS, TAGS } from './batch-maker.ts';
import type { Call } from './calls.ts';

const HOLDERS = ['runtime-1', 'runtime-2'];
const KINDS: readonly ActorKind[] = ['job', 'worker', 'quota'];
const BATCHES_KEPT = 30;
const WORKERS = ['wrk_1 sdxl', 'wrk_1 flux', 'wrk_2 sdxl'];

export function* script(
  seed: number,
  memory: MemoryStore,
  beginAt: number,
  calls: number,
): Generator<Call> {
  const random = new Random(seed);
  const maker = new BatchMaker(random.split('batches'), memory);
  const sent: CommitBatch[] = [];
  let at = beginAt;
  for (let n = 0; n < calls; n++) {
    at = timeOfNext(random, memory, at);
    const ask = random.chance(0.55) ? commit : random.pick(QUESTIONS);
    const { method, parameters } = ask({ random, maker, sent, memory });
    yield { at, method, parameters };
    if (sent.length > BATCHES_KEPT) sent.shift();
  }
}

/** Mostly now or soon; at times when leases and timers have run out, or at the very moment they do. */
function timeOfNext(random: Random, memory: MemoryStore, at: number): number {
  const { timers, leases } = memory.tables;
  const moments = [
    ...[...leases.values()].map(({ expiresAt }) => expiresAt),
    ...[...timers.values()].map(({ dueAt }) => dueAt).slice(0, 3),
  ].filter((moment) => moment > at && moment < at + 400_000);
  if (moments.length > 0 && random.chance(0.08)) return random.pick(moments);
  return at + (random.chance(0.08) ? random.integer(1_000, 400_000) : random.integer(0, 3));
}

interface Present {
  readonly random: Random;
  readonly maker: BatchMaker;
  readonly sent: CommitBatch[];
  readonly memory: MemoryStore;
}

type Question = (present: Present) => Omit<Call, 'at'>;

const commit: Question = ({ random, maker, sent }) => {
  const again = sent.length > 0 && random.chance(0.03);
  const batch = again ? random.pick(sent) : maker.make();
  sent.push(batch);
  return { method: 'commit', parameters: [batch] };
};

const QUESTIONS: readonly Question[] = [
  () => ({ method: 'now', parameters: [] }),
  ({ random }) => ({
    method: 'load',
    parameters: [REFS.filter(() => random.chance(0.2))],
  }),
  ({ random, sent }) => {
    const actors = sent.flatMap((batch) => batch.actors.map((row) => ({ batch, row })));
    if (actors.length === 0) return { method: 'streamHead', parameters: [] };
    const { batch, row } = random.pick(actors);
    const other = random.chance(0.3) ? random.pick(sent) : batch;
    return { method: 'committed', parameters: [other.batchId, row.ref, row.revision] };
  },
  ({ random }) => ({
    method: 'listWithout',
    parameters: [random.pick(KINDS), random.pick(TAGS)],
  }),
  ({ random }) => ({ method: 'dueTimers', parameters: [random.pick([1, 3, 500])] }),
  () => ({ method: 'nextTimerInMs', parameters: [] }),
  ({ random }) => ({
    method: 'outbox',
    parameters: [DESTINATIONS.filter(() => random.chance(0.7)), random.pick([1, 5, 100])],
  }),
  ({ random, memory }) => {
    const rows = [...memory.tables.outbox.values()].filter(() => random.chance(0.3));
    const unknown = random.chance(0.2) ? [{ accountId: 'system', id: 'order_0' }] : [];
    return {
      method: 'outboxDelivered',
      parameters: [[...rows.map(({ accountId, id }) => ({ accountId, id })), ...unknown]],
    };
  },
  ({ random, memory }) => {
    const head = memory.tables.stream.length;
    const account = random.chance(0.3) ? null : random.pick(ACCOUNTS);
    return {
      method: 'readStream',
      parameters: [account, random.integer(0, head + 1), random.pick([1, 10, 1000])],
    };
  },
  ({ random, memory }) => ({
    method: 'streamEntries',
    parameters: [random.integer(0, memory.tables.stream.length), random.pick([1, 10, 1000])],
  }),
  () => ({ method: 'streamHead', parameters: [] }),
  ({ random }) => ({
    method: 'acquireLease',
    parameters: [random.pick(LEASES), random.pick(HOLDERS), random.integer(1, 300_000)],
  }),
  ({ random, memory }) => {
    const name = random.pick(LEASES);
    const term = memory.tables.leases.get(name)?.term ?? 1;
    const lease = { name, term: random.chance(0.8) ? term : term - 1 };
    return { method: 'releaseLease', parameters: [lease, random.pick(HOLDERS)] };
  },
  ({ random }) => {
    const rows = WORKERS.filter(() => random.chance(0.5)).map((id) => {
      const seen = random.integer(0, 100);
      return { accountId: 'system', subject: 'times', id, seen, facts: JSON.stringify({ seen }) };
    });
    return { method: 'keepLearned', parameters: [rows] };
  },
  ({ random, memory }) => {
    const kept = [...memory.tables.learned.values()].map(({ keptAt }) => keptAt);
    const after = random.pick([0, ...kept]) - random.integer(0, 3);
    return { method: 'learned', parameters: [random.pick(['times', 'nothing']), after, 100] };
  },
];
