// Rare situations that show in a commit as a whole.
import type { JobContext } from '../../machines/job/context.ts';
import type { WorkerContext } from '../../machines/worker/context.ts';
import type { Change, Commit } from './books.ts';
import type { Sometimes } from './sometimes.ts';
import type { World } from './world.ts';

const DAY_MS = 86_400_000;
const dayOf = (at: number): number => Math.floor(at / DAY_MS);

type Sign = (commit: Commit, world: World) => boolean;

const isBroughtForward =
  (kind: string): Sign =>
  ({ changes }) =>
    changes.some(
      ({ before, after }) => after.ref.kind === kind && before && before.version < after.version,
    );

const ends = ({ before, after }: Change): boolean =>
  after.ref.kind === 'job' && after.isSettled && !before?.isSettled;
function isChargedInPart(change: Change): boolean {
  if (!ends(change)) return false;
  const { spec, run } = change.after.context as JobContext;
  return run.chargedMt! > 0 && run.chargedMt! < spec.costMt;
}
const isAssigned = ({ after }: Change): boolean => after.state.startsWith('assigned');

const SIGNS = {
  'An account is brought forward by a deploy.': isBroughtForward('quota'),
  'A worker is brought forward by a deploy.': isBroughtForward('worker'),
  'A job ends under newer code with the chart it began with.': ({ changes }, world) =>
    world.runtimes.every(({ isNewer }) => isNewer) &&
    changes.some((change) => ends(change) && change.after.version === 1),
  'A midnight passes over a job that runs.': ({ changes, at }) =>
    changes.some(
      ({ before, after }) =>
        before?.state === 'assigned.executing' &&
        after.ref.kind === 'job' &&
        dayOf((before.context as { run: { startedAt: number } }).run.startedAt) < dayOf(at),
    ),
  'Less came than was asked for, and the rest goes back.': ({ changes }) =>
    changes.some((change) => isChargedInPart(change) && change.after.state === 'succeeded'),
  'A run that a person stopped is paid for.': ({ changes }) =>
    changes.some((change) => isChargedInPart(change) && change.after.state === 'cancelled'),
  'A hold of yesterday is returned today.': ({ ledger }) =>
    ledger.some(({ reason }) => reason.includes('carried over')),
  'A part of a commit is lost, and the rest is written.': ({ lost, batch }) =>
    lost.size > 0 && lost.size < batch.components,
  'All of a commit is lost.': ({ lost, batch }) => lost.size === batch.components,
  'One commit has more than ten turns.': ({ turns }) => turns.length > 10,
  'A job is submitted and assigned in one commit.': ({ changes }) =>
    changes.some((change) => !change.before && isAssigned(change)),
  'A job ends and the next one is assigned in one commit.': ({ changes }) =>
    changes.some(ends) &&
    changes.some((change) => change.before?.state === 'queued' && isAssigned(change)),
  'Several jobs share an engine call.': ({ turns }) =>
    turns.some(({ event }) => event.type === 'job.dispatched' && event.batch !== undefined),
  'Several jobs wait for one load.': ({ changes }) =>
    changes.some(({ after }) => {
      if (after.ref.kind !== 'worker') return false;
      const { loading, slots } = (after.context as WorkerContext).run;
      return Object.values(slots).filter(({ model }) => model === loading).length > 1;
    }),
  'Who asked for much waits for who asked for less.': (commit, { auditor: { room } }) => {
    const counts = new Map<string, number>();
    for (const { accountId } of room.all) counts.set(accountId, (counts.get(accountId) ?? 0) + 1);
    return room
      .givenIn(commit)
      .some(({ job }) =>
        room.all.some(
          ({ accountId, plan, queuedAt }) =>
            plan === job.plan &&
            queuedAt < job.queuedAt &&
            counts.get(accountId)! > 2 * counts.get(job.accountId)!,
        ),
      );
  },
} satisfies Partial<Record<Sometimes, Sign>>;

const ALL = Object.entries(SIGNS) as [Sometimes, Sign][];

export function seenInCommit(world: World, commit: Commit): void {
  for (const [what, sign] of ALL) if (sign(commit, world)) world.seen(what);
  for (const [name, { holder }] of world.memory.tables.leases) {
    const before = world.holders.get(name);
    if (holder === null || before === holder) continue;
    world.holders.set(name, holder);
    if (before === undefined) continue;
    if (name === 'dispatcher') world.seen('The lease of the dispatcher moves on.');
    if (name === 'timers') world.seen('The lease of the timers moves on.');
  }
}
