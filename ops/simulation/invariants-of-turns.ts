// Whose turn it is: what the policy promises about the order in which waiting jobs are given to workers, as far
// as it can be told from what is stored. A runtime may not have heard yet of what another one has just written,
// so only jobs that have stood in the line for a while can be wronged; and one whose assignment was lost rests for a
// moment, which nobody can see from here.
import { workersOf, type Rule } from './checked.ts';
import type { Given, Waiting } from './waiting-room.ts';

/** Longer than news can be on its way to whoever holds the lease of the dispatcher. */
export const HEARD_OF_MS = 20_000;
/** Long after which what a person got is forgotten. */
const FORGOTTEN_MS = 20 * 3_600_000;
/** Run times are learned while jobs wait: now and then a job looks shorter than an equal one before it. */
const PASSED_MAX = 2;

/** Both ask the same of a worker, and this one was there before. */
const isBefore = (waiting: Waiting, { job, worker }: Given, at: number): boolean =>
  waiting.queuedAt < job.queuedAt &&
  at - waiting.since > HEARD_OF_MS &&
  waiting.model === job.model &&
  waiting.plan === job.plan &&
  !waiting.isMoved &&
  !job.isMoved &&
  !waiting.failedOn.includes(worker) &&
  job.failedOn.length === 0;

/** S1: of one person, jobs of one model go in the order of asking. */
const inTheOrderOfAsking: Rule = ({ commit, room, isCalm, check }) => {
  if (!isCalm) return;
  const given = room.givenIn(commit);
  const gone = new Set(given.map(({ job }) => job.id));
  for (const each of given)
    for (const waiting of each.along === null ? room.all : [])
      if (!gone.has(waiting.id) && waiting.accountId === each.job.accountId)
        check(
          'S1 order of asking',
          !isBefore(waiting, each, commit.at) || room.pausedSince(waiting, each.worker) !== null,
          () => `${each.job.id} went before ${waiting.id}, for which its person had asked earlier.`,
        );
};

/** S2: who got nothing lately is not passed over for who came later and asks for as much. */
const newcomersFirst: Rule = ({ commit, room, isCalm, check }) => {
  if (!isCalm) return;
  const given = room.givenIn(commit);
  const gone = new Set(given.map(({ job }) => job.id));
  const first = new Map<string, Waiting>();
  for (const waiting of room.all) {
    const known = first.get(waiting.accountId);
    if (!known || waiting.queuedAt < known.queuedAt) first.set(waiting.accountId, waiting);
  }
  for (const each of given) {
    if (each.along !== null) continue;
    for (const waiting of first.values()) {
      const servedAt = room.servedAt(waiting.accountId);
      if (gone.has(waiting.id) || waiting.accountId === each.job.accountId) continue;
      if (servedAt !== null && commit.at - servedAt < FORGOTTEN_MS) continue;
      if (waiting.work > each.job.work || !isBefore(waiting, each, commit.at)) continue;
      if (room.pausedSince(waiting, each.worker) !== null) continue;
      waiting.passed += 1;
      check(
        'S2 newcomers first',
        waiting.passed <= PASSED_MAX,
        () =>
          `${waiting.id} of ${waiting.accountId}, who got nothing, was passed ${waiting.passed} times.`,
      );
    }
  }
};

const OUT_OF_SERVICE = new Set(['draining', 'quarantined']);

/** S3: what an operator has paused or drained gets nothing. */
const keptBack: Rule = (checked) => {
  const { commit, room, check } = checked;
  for (const { job, worker } of room.givenIn(commit)) {
    const since = room.pausedSince(job, worker);
    check(
      'S3 kept back',
      since === null || commit.at - since < HEARD_OF_MS,
      () => `${job.id} was given to ${worker}, which was paused ${commit.at - since!} ms ago.`,
    );
  }
  for (const { before, after } of workersOf(checked)) {
    if (!before || !OUT_OF_SERVICE.has(before.state) || before.state !== after.state) continue;
    const { slots, lost } = before.context.run;
    for (const job of Object.keys(after.context.run.slots))
      check(
        'S3 kept back',
        job in slots || job in lost,
        () => `${after.ref.id} is ${after.state} and was given ${job}.`,
      );
  }
};

/** The room is brought up to date last. */
export const OF_TURNS: readonly Rule[] = [
  inTheOrderOfAsking,
  newcomersFirst,
  keptBack,
  ({ commit, room }) => room.note(commit),
];
