// One function per invariant, named as in the specification. Each looks at one commit: at what it changed,
// at who caused it, and at the books as they are now.
import { jobRef, refKey, SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import type { JobContext } from '../../machines/job/context.ts';
import { sameLease, type Commit, type Fact, type JobFacts, type Lease } from './books.ts';
import { jobsOf, workersOf, type Rule } from './checked.ts';
import { OF_MONEY } from './invariants-of-money.ts';
import { OF_TURNS } from './invariants-of-turns.ts';

const SNAPSHOT_LENGTH_MAX = 65_536;
const ATTEMPTS_MAX = 3;
const WORKERS_DOWN_MAX = 2;

const words = (lease: Lease | null): string =>
  lease === null ? 'no lease' : `#${lease.attempt} on ${lease.worker} (${lease.epoch})`;

const oneEnding: Rule = (checked) => {
  const { commit, books, check } = checked;
  for (const { row, wasSettled } of commit.turns)
    check('I4 one ending', !wasSettled, () => `${row.ref.id} took a turn after its end.`);
  for (const { after } of jobsOf(checked)) {
    const job = books.jobs.get(after.key)!;
    const { costMt } = after.context.spec;
    const hold = books.quotaFact(after.ref.accountId)?.context.balance.holds[after.ref.id];
    check(
      'I4 one ending',
      job.holds === 1 && job.closings === (after.isSettled ? 1 : 0),
      () => `${after.ref.id} (${after.state}): ${job.holds} holds, ${job.closings} closings.`,
    );
    check(
      'I4 one ending',
      job.heldMt === (after.isSettled ? 0 : costMt) && (hold !== undefined) === !after.isSettled,
      () => `${after.ref.id} (${after.state}): ${job.heldMt} are held for it.`,
    );
    const due = dueMt(after, job);
    check(
      'I4 one ending',
      job.spentMt === due && due <= costMt && (after.context.run.chargedMt ?? 0) === due,
      () => `${after.ref.id} (${after.state}): ${job.spentMt} were charged, not ${due}.`,
    );
  }
};

/** By what is in the books, not by what the job says of itself: all our wishes are for images. */
function dueMt({ state, context: { spec, run } }: Fact<JobContext>, job: JobFacts): number {
  const { costMt, count, secondMt } = spec;
  if (state === 'succeeded')
    return Math.ceil((costMt * Math.min(run.outputs.length, count)) / count);
  if (state !== 'cancelled' || job.cancelledBy === 'system' || job.ranMs === null) return 0;
  return Math.min(costMt, Math.ceil((Math.max(0, job.ranMs - run.graceMs) * secondMt) / 1000));
}

const oneJobPerKey: Rule = ({ commit, check }) => {
  for (const { row, event } of commit.turns)
    check(
      'I5 one job per key',
      event.type !== 'job.submitRequested' || row.revision === 1,
      () => `${row.ref.id} was submitted again by its turn ${row.revision}.`,
    );
};

const oneLease: Rule = (checked) => {
  const { books, check } = checked;
  for (const { after } of jobsOf(checked)) {
    const { lease, attempt } = after.context.run;
    const told = books.jobs.get(after.key)!;
    check(
      'I7 one lease',
      sameLease(told.lease, lease) && told.attempt === attempt,
      () => `${after.ref.id} has ${words(lease)}; by its journal it has ${words(told.lease)}.`,
    );
    if (lease === null) continue;
    const worker = books.workers.get(lease.worker)?.context.run;
    const slot = worker?.slots[after.ref.id];
    check(
      'I7 one lease',
      slot?.attempt === lease.attempt &&
        slot.phase !== 'cancelling' &&
        worker?.epoch === lease.epoch,
      () => `${after.ref.id} has ${words(lease)}, and the worker has no slot for it.`,
    );
  }
  for (const { after } of workersOf(checked)) {
    const { slots, epoch } = after.context.run;
    for (const [id, { accountId, attempt, phase }] of Object.entries(slots)) {
      if (phase === 'cancelling') continue;
      const job = books.jobs.get(refKey(jobRef(accountId, id)));
      const slot = { attempt, worker: after.ref.id, epoch };
      check(
        'I7 one lease',
        sameLease(job?.lease ?? null, slot),
        () =>
          `${after.ref.id} has a slot for ${id} ${words(slot)}; it has ${words(job?.lease ?? null)}.`,
      );
    }
  }
};

const slots: Rule = (checked) => {
  for (const { after } of workersOf(checked)) {
    const { offer, run } = after.context;
    // Jobs of one batch share a call.
    const calls = Object.entries(run.slots).map(([job, { batch }]) => batch ?? job);
    const busy = new Set(calls).size;
    checked.check(
      'I8 slots',
      busy <= offer.slots,
      () => `${after.ref.id} has ${busy} calls and ${offer.slots} slots.`,
    );
  }
};

const FENCED = new Set([
  'run.acknowledged',
  'run.started',
  'run.finished',
  'run.failed',
  'worker.lost',
  'slot.returned',
  'slot.refused',
]);

const fencing: Rule = ({ commit, check }) => {
  for (const { row, event, leaseBefore } of commit.turns) {
    if (row.ref.kind !== 'job' || !FENCED.has(event.type)) continue;
    const { attempt, worker, epoch } = event as unknown as Lease;
    const said = { attempt, worker, epoch };
    check(
      'I9 fencing',
      leaseBefore !== null && sameLease(leaseBefore, said),
      () => `${row.ref.id} had ${words(leaseBefore)} and took ${event.type} of ${words(said)}.`,
    );
    const signed = signatureOf(event);
    if (!signed) continue;
    const [job = '', number = '', ...by] = signed;
    const maker = { attempt: Number(number), worker: by[0] ?? '', epoch: by[1] ?? '' };
    check(
      'I9 fencing',
      job === row.ref.id && sameLease(leaseBefore, maker),
      () =>
        `${row.ref.id} had ${words(leaseBefore)} and took what ${words(maker)} made for ${job}.`,
    );
  }
};

/** Simulated engines sign what they make, so that a result tells who really made it. */
function signatureOf(event: Commit['turns'][number]['event']): string[] | null {
  if (event.type === 'run.finished') {
    const { job, attempt, worker, epoch } = event.outputs[0]!.facts;
    return [job, attempt, worker, epoch].map(String);
  }
  if (event.type === 'run.failed' && 'message' in event && event.message.startsWith('job_'))
    return event.message.split(' ');
  return null;
}

const singleWriter: Rule = ({ commit, books, check }) => {
  for (const { row } of commit.turns) {
    const key = refKey(row.ref);
    const last = books.revisions.get(key) ?? 0;
    books.revisions.set(key, row.revision);
    check(
      'I10 single writer',
      row.revision === last + 1,
      () => `${key} took turn ${row.revision} after turn ${last}.`,
    );
  }
  for (const { before, after } of commit.changes)
    check(
      'I10 single writer',
      after.revision === books.revisions.get(after.key) && after.revision > (before?.revision ?? 0),
      () => `${after.key} is at revision ${after.revision}, its journal is not.`,
    );
};

const ordersOnce: Rule = ({ commit, books, check }) => {
  for (const { id } of commit.orders) {
    check('I11 effect once', !books.orders.has(id), () => `The command ${id} was written twice.`);
    books.orders.add(id);
  }
};

const timers: Rule = ({ commit, books, check }) => {
  const { at } = commit;
  for (const { row, event } of commit.turns)
    for (const [name, { type, dueAt }] of books.timersOf(refKey(row.ref)))
      check(
        'I12 timers',
        type !== event.type || dueAt <= at,
        () => `${refKey(row.ref)}: ${name} fired ${Math.round(dueAt - at)} ms early.`,
      );
  books.keepTimers(commit);
  for (const { after } of commit.changes) {
    const rows = books.timersOf(after.key);
    const armed = Object.entries(after.timers);
    for (const [name, [armingId, type]] of armed) {
      const row = rows.get(name);
      if (row) row.type = type;
      check(
        'I12 timers',
        row?.armingId === armingId,
        () => `${after.key} waits for ${name} (${armingId}); its row has ${row?.armingId}.`,
      );
    }
    check(
      'I12 timers',
      rows.size === armed.length,
      () => `${after.key} has timers ${[...rows.keys()].join()}; it waits for ${armed.join()}.`,
    );
  }
};

const isolation: Rule = (checked) => {
  const { commit, books, check } = checked;
  for (const { accountId, jobId, component } of commit.batch.stream) {
    const isKnown = books.jobs.has(refKey(jobRef(accountId, jobId)));
    const isLost = commit.lost.has(component);
    check('I14 isolation', isKnown || isLost, () => `${accountId} is told of ${jobId}.`);
  }
  for (const { after } of workersOf(checked))
    for (const [id, { accountId }] of Object.entries(after.context.run.slots))
      check(
        'I14 isolation',
        books.jobs.has(refKey(jobRef(accountId, id))),
        () => `${after.ref.id} has ${id} for ${accountId}.`,
      );
};

const boundedWork: Rule = (checked) => {
  for (const { after } of jobsOf(checked)) {
    const { attempt } = after.context.run;
    const { crashedBy } = checked.books.jobs.get(after.key)!;
    checked.check(
      'I16 bounded work',
      attempt <= ATTEMPTS_MAX && (crashedBy.size < WORKERS_DOWN_MAX || after.isSettled),
      () => `${after.ref.id} (${after.state}): attempt ${attempt}, took down ${crashedBy.size}.`,
    );
  }
};

const noOrphan: Rule = (checked) => {
  for (const { after } of jobsOf(checked)) {
    if (after.isSettled) continue;
    const names = Object.keys(after.timers);
    const hasDeadline = names.some((name) => name.includes('deadline'));
    const isHeld =
      after.state === 'queued' ||
      (after.state.startsWith('assigned') && after.context.run.lease !== null) ||
      (after.state === 'backingOff' && names.some((name) => name.includes('backoff')));
    checked.check(
      'I17 no orphan',
      hasDeadline && isHeld,
      () => `${after.ref.id} (${after.state}) waits for ${names.join(', ') || 'nothing'}.`,
    );
  }
};

/** What is decided under a lease is written only while it is held, in that very term. */
const underLease: Rule = ({ commit, check, leaseTerm }) => {
  for (const { component, name, term } of commit.batch.fences)
    if (!commit.lost.has(component))
      check(
        'I10 single writer',
        leaseTerm(name, commit.at) === term,
        () => `Written as ${name} of term ${term}, which was over.`,
      );
};

const boundedMemory: Rule = ({ commit, check }) => {
  for (const { after } of commit.changes)
    check(
      'I20 bounded memory',
      after.snapshotLength <= SNAPSHOT_LENGTH_MAX,
      () => `${after.key} takes ${after.snapshotLength} characters.`,
    );
};

const blobs: Rule = ({ commit, check, isUploaded }) => {
  for (const { row, event } of commit.turns)
    if (event.type === 'run.finished' && row.ref.accountId !== SYSTEM_ACCOUNT)
      for (const { blob } of event.outputs)
        check(
          'I23 blobs',
          isUploaded(row.ref.accountId, blob),
          () => `${row.ref.id} succeeded with a file that was never uploaded.`,
        );
};

const versions: Rule = ({ commit, check }) => {
  for (const { before, after } of commit.changes)
    check(
      'I24 versions',
      !before || (before.machine === after.machine && before.version <= after.version),
      () => `${after.key} went from version ${before?.version} to ${after.version}.`,
    );
};

/** In this order: the first that is broken names the seed. */
export const AFTER_EVERY_COMMIT: readonly Rule[] = [
  singleWriter,
  underLease,
  ...OF_MONEY,
  fencing,
  timers,
  oneJobPerKey,
  ordersOnce,
  slots,
  oneEnding,
  oneLease,
  isolation,
  boundedWork,
  noOrphan,
  boundedMemory,
  blobs,
  versions,
  ...OF_TURNS,
];
