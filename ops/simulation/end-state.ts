// What has to be true once everything has come to rest: of all that is stored, and of all that was ever
// promised to anybody.
import { refKey, jobRef } from '../../machines/contract/ids.ts';
import { timerKey } from '../../db/batch.ts';
import { ENDS } from './books.ts';
import { checkReplay } from './replay.ts';
import type { World } from './world.ts';

const RESIDENTS_MAX = 20_000;

type Rule = (world: World) => void | Promise<void>;

const everythingEnds: Rule = (world) => {
  for (const { ref, state, context } of world.books.openJobs) {
    const waitedS = Math.round((world.scheduler.now - world.healedAt) / 1000);
    world.violate(
      'I17 no orphan',
      `${ref.id} is still ${state} ${waitedS} s after the last fault ` +
        `(${context.spec.model}, deadline ${context.spec.deadlineMs / 1000} s).`,
    );
    return;
  }
  world.check('I17 no orphan', world.pending === 0, () => `${world.pending} requests hang.`);
  for (const { ref, context } of world.books.workers.values()) {
    const busy = Object.keys(context.run.slots);
    world.check(
      'I8 slots',
      busy.length === 0,
      () => `${ref.id} still has slots for ${busy.join()}.`,
    );
  }
  const { outbox } = world.memory.tables;
  world.check(
    'I11 effect once',
    outbox.size === 0,
    () => `${outbox.size} commands were never delivered: ${[...outbox.keys()].slice(0, 3).join()}.`,
  );
};

const holdsAreClosed: Rule = (world) => {
  for (const { accountId } of world.people) {
    const balance = world.books.quotaFact(accountId)?.context.balance;
    world.check(
      'I4 one ending',
      !balance || (balance.heldMt === 0 && Object.keys(balance.holds).length === 0),
      () => `${accountId} still holds ${balance?.heldMt}.`,
    );
  }
};

const ledgerIsWhole: Rule = (world) => {
  const sums = new Map<string, number>();
  for (const { accountId, book, amountMt } of world.memory.tables.ledger.values())
    sums.set(`${accountId} ${book}`, (sums.get(`${accountId} ${book}`) ?? 0) + amountMt);
  for (const [accountId, { allowance, topUp, held }] of world.books.sums)
    world.check(
      'I2 zero-sum',
      (sums.get(`${accountId} allowance`) ?? 0) === allowance &&
        (sums.get(`${accountId} topUp`) ?? 0) === topUp &&
        (sums.get(`${accountId} held`) ?? 0) === held,
      () => `The ledger of ${accountId} is not what was posted.`,
    );
};

const promisesAreKept: Rule = (world) => {
  const { actors } = world.memory.tables;
  for (const { ref } of world.history.jobs.values())
    world.check(
      'I6 durable before ack',
      actors.has(refKey(ref)),
      () => `${ref.id} was promised to ${ref.accountId} and is gone.`,
    );
  const keys = new Map<string, number>();
  for (const { accountId, keyCount } of world.people) keys.set(accountId, keyCount);
  const jobs = new Map<string, number>();
  for (const { ref } of actors.values())
    if (ref.kind === 'job') jobs.set(ref.accountId, (jobs.get(ref.accountId) ?? 0) + 1);
  for (const [accountId, count] of jobs)
    world.check(
      'I5 one job per key',
      count <= (keys.get(accountId) ?? 0),
      () => `${accountId} sent ${keys.get(accountId)} keys and has ${count} jobs.`,
    );
};

const journalIsWhole: Rule = (world) => {
  const seen = new Set<string>();
  for (const { ref, revision } of world.memory.tables.journal) {
    const name = `${refKey(ref)} ${revision}`;
    world.check('I10 single writer', !seen.has(name), () => `${name} was committed twice.`);
    seen.add(name);
  }
  for (const [key, { revision }] of world.memory.tables.actors)
    world.check(
      'I10 single writer',
      world.books.revisions.get(key) === revision,
      () => `${key} is at ${revision}, its journal at ${world.books.revisions.get(key)}.`,
    );
};

const timersAreBijective: Rule = (world) => {
  const { timers } = world.memory.tables;
  let count = 0;
  for (const [key, rows] of world.books.timers) {
    const fact = world.books.actors.get(key);
    for (const [name, { armingId }] of rows) {
      count += 1;
      const row = fact && timers.get(timerKey({ ref: fact.ref, name, component: 0 }));
      world.check('I12 timers', row?.armingId === armingId, () => `${key} has no row for ${name}.`);
    }
  }
  world.check(
    'I12 timers',
    timers.size === count,
    () => `${timers.size} timers are stored; ${count} are waited for.`,
  );
};

const streamIsWhole: Rule = async (world) => {
  const { stream } = world.memory.tables;
  for (const [index, { seq }] of stream.entries())
    world.check(
      'I15 delivery',
      seq === index + 1,
      () => `Row ${index + 1} of the stream is ${seq}.`,
    );
  for (const subscriber of world.subscribers) {
    const { accountId } = subscriber;
    for (;;) {
      const rows = await world.memory.readStream(accountId, subscriber.after, 100);
      if (rows.length === 0) break;
      subscriber.take(rows);
    }
    const expected = stream.filter((row) => accountId === null || row.accountId === accountId);
    const isSame =
      subscriber.seen.length === expected.length &&
      subscriber.seen.every((row, index) => row.seq === expected[index]!.seq);
    world.check('I15 delivery', isSame, () => `${accountId ?? 'A reader of all'} missed rows.`);
  }
  const last = new Map<string, string>();
  for (const { accountId, jobId, payload } of stream)
    last.set(refKey(jobRef(accountId, jobId)), (JSON.parse(payload) as { state: string }).state);
  for (const { key, ref, state } of world.books.actors.values())
    if (ref.kind === 'job' && ENDS.has(state))
      world.check(
        'I15 delivery',
        last.get(key) === state,
        () => `${ref.id} is ${state}; its owner was last told ${last.get(key)}.`,
      );
};

const memoryIsBounded: Rule = (world) => {
  for (const { name, core } of world.runtimes)
    world.check(
      'I20 bounded memory',
      (core?.residents.size ?? 0) <= RESIDENTS_MAX,
      () => `${name} keeps ${core?.residents.size} actors in memory.`,
    );
};

const AT_THE_END: readonly Rule[] = [
  everythingEnds,
  holdsAreClosed,
  ledgerIsWhole,
  promisesAreKept,
  journalIsWhole,
  timersAreBijective,
  streamIsWhole,
  memoryIsBounded,
  (world) => (world.isReplayed ? checkReplay(world) : undefined),
];

export async function checkEnd(world: World): Promise<void> {
  for (const rule of AT_THE_END) {
    if (world.violation) return;
    await rule(world);
  }
}
