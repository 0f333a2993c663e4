// Rare situations that a run of many seeds must have reached: one that never came about was never tested.
// Names are sentences. Most are turns, recognised by event, state before and state after; the beginning of
// each is enough, and * is anything.

/** Told by the world itself. */
const IN_THE_WORLD = [
  'A runtime starts.',
  'A runtime cannot start, because the store is away.',
  'A runtime stops in good order.',
  'A runtime that would not stop is killed.',
  'A runtime is killed with a commit under way.',
  'A runtime is killed while it stops.',
  'The last runtime dies.',
  'Two runtimes are down at once.',
  'A runtime sleeps past its leases and goes on.',
  'The leases of a dead runtime are freed at once.',
  'The lease of the dispatcher moves on.',
  'The lease of the timers moves on.',
  'A deploy has replaced every runtime.',
  'An older runtime leaves alone what a newer one has written.',
  'An account is brought forward by a deploy.',
  'A worker is brought forward by a deploy.',
  'A job ends under newer code with the chart it began with.',
  'A whole day passes while nobody looks.',
  'Plans are renewed right after midnight.',
  'A midnight passes over a job that runs.',
  'Less came than was asked for, and the rest goes back.',
  'A run that a person stopped is paid for.',
  'A hold of yesterday is returned today.',
  'A commit of unknown outcome was written.',
  'A commit of unknown outcome was not written.',
  'A late commit arrives too late and is lost.',
  'A commit of unknown outcome arrives late and counts.',
  'A part of a commit is lost, and the rest is written.',
  'All of a commit is lost.',
  'One commit has more than ten turns.',
  'A job is submitted and assigned in one commit.',
  'A job ends and the next one is assigned in one commit.',
  'Every slot of a worker is busy.',
  'Several jobs share an engine call.',
  'Several jobs wait for one load.',
  'Who asked for much waits for who asked for less.',
  'An operator pauses what waits.',
  'A job takes its worker down.',
  'An engine takes its time over a cancel.',
  'A worker hangs for longer than its lease.',
  'A worker repeats an end that was not settled.',
  'A report arrives after its worker has died.',
  'A client is not answered and asks again.',
  'A client is told to come back.',
  'A key is used again for another wish.',
  'A wish is refused for want of tokens.',
  'A wish is refused as impossible.',
  'A wish of a suspended account is refused.',
  'Another wish under a used key is refused.',
  'A repeated wish is answered with the job there is.',
] as const;

const TURNS = {
  'A cancel meets a job that waits.': 'job.cancelRequested: queued > cancelled',
  'A cancel meets a job that backs off.': 'job.cancelRequested: backingOff > cancelled',
  'A cancel meets a job whose model is loading.':
    'job.cancelRequested: assigned.loading > cancelled',
  'A cancel meets a job that runs.': 'job.cancelRequested: assigned.executing > cancelled',
  'A job expires while it waits.': 'xstate.after.deadline: queued > expired',
  'A job expires while it backs off.': 'xstate.after.deadline: backingOff > expired',
  'A job expires while its model is loading.': 'xstate.after.deadline: assigned.loading > expired',
  'A job expires while it runs.': 'xstate.after.deadline: assigned.executing > expired',
  'An order that nobody acknowledged comes back.': 'xstate.after.acknowledgeTimeout: * > queued',
  'A job has waited out its pause.': 'xstate.after.backoff: * > queued',
  'A worker is lost while it loads for a job.': 'worker.lost: assigned.loading > queued',
  'A worker is lost while it runs a job.': 'worker.lost: assigned.executing > queued',
  'A cut-off attempt is taken back.': 'run.adoptionOffered: queued > assigned',
  'A cut-off attempt comes back to a job that runs elsewhere.': 'run.adoptionOffered: assigned > *',
  'A slot is refused.': 'slot.refused: * > queued',
  'An attempt comes back while its model is loading.': 'slot.returned: assigned.loading > queued',
  'An attempt comes back while it runs.': 'slot.returned: assigned.executing > queued',
  'A waiting job learns that its worker has crashed.': 'worker.crashed: queued > backingOff',
  'A running job learns that an earlier worker has crashed.': 'worker.crashed: assigned > assigned',
  'A job that backs off learns that an earlier worker has crashed.':
    'worker.crashed: backingOff > backingOff',
  'A worker crashes under a running job.': 'worker.crashed: assigned.executing > backingOff',
  'A worker crashes while it loads for a job.': 'worker.crashed: assigned.loading > backingOff',
  'A job is ended as poison.': 'worker.crashed: * > failed',
  'A result arrives before the start was told.': 'run.finished: assigned.loading > succeeded',
  'An attempt fails before its start was told.': 'run.failed: assigned.loading > *',
  'A failure that cannot be mended ends a job.': 'run.failed: assigned > failed',
  'A failed attempt is followed by a pause.': 'run.failed: assigned > backingOff',
  'A job is told that its order has arrived.': 'run.acknowledged: assigned > *',
  'An idle worker loses its lease.': 'lease.expired: idle > offline',
  'A worker that runs a job loses its lease.': 'lease.expired: executing > offline',
  'A worker that loads a model loses its lease.': 'lease.expired: swapping > offline',
  'A worker that drains loses its lease.': 'lease.expired: draining > draining',
  'A quarantined worker loses its lease.': 'lease.expired: quarantined > quarantined',
  'A resting worker loses its lease.': 'lease.expired: unhealthy > offline',
  'A worker connects for the first time.': 'worker.connected: - > *',
  'A worker connects again while it runs a job.': 'worker.connected: executing > *',
  'A worker connects again while it loads a model.': 'worker.connected: swapping > *',
  'A worker that drains connects again.': 'worker.connected: draining > draining',
  'A quarantined worker connects again.': 'worker.connected: quarantined > quarantined',
  'A resting worker connects again, and rests on.': 'worker.connected: unhealthy > unhealthy',
  'A resting worker is cured by a new boot.': 'worker.connected: unhealthy > idle',
  'A worker that was offline comes back.': 'worker.connected: offline > *',
  'A worker disconnects while it runs a job.': 'worker.disconnected: executing > executing',
  'A worker disconnects while it loads a model.': 'worker.disconnected: swapping > swapping',
  'Engines fail so often that their worker rests.': 'run.failed: executing > unhealthy',
  'A model that cannot be loaded makes its worker rest.': 'model.loadFailed: * > unhealthy',
  'A worker has rested and gets another chance.': 'xstate.after.break: unhealthy > *',
  'An operator ends the rest of a worker.': 'worker.resumeRequested: unhealthy > *',
  'An operator drains a worker that runs a job.': 'worker.drainRequested: executing > draining',
  'An operator drains a worker that is offline.': 'worker.drainRequested: offline > draining',
  'An operator quarantines a worker that runs a job.':
    'worker.quarantineRequested: executing > quarantined',
  'An operator resumes a worker that drains.': 'worker.resumeRequested: draining > idle',
  'An operator resumes a worker that is not there.': 'worker.resumeRequested: draining > offline',
  'An operator brings a worker back from quarantine.': 'worker.resumeRequested: quarantined > *',
  'A result of a worker that drains counts.': 'run.finished: draining > draining',
  'A result of a quarantined worker counts.': 'run.finished: quarantined > quarantined',
  'A model makes room for another.': 'model.unloaded: * > *',
  'A cancelled run frees its slot.': 'run.cancelled: executing > *',
  'An attempt is offered back to a job that has ended.': 'tell.bounced: * > *',
  'A second job joins one that runs.': 'slot.claimed: executing > executing',
  'A job joins a load that is under way.': 'slot.claimed: swapping > swapping',
  'An operator moves a job that waits.': 'job.moveRequested: queued > queued',
  'An operator moves a job that backs off.': 'job.moveRequested: backingOff > backingOff',
  'The last tokens are held.': 'hold.requested: allowance.open > allowance.exhausted',
  'Returned tokens open an exhausted account.':
    'hold.releaseRequested: allowance.exhausted > allowance.open',
  'A better plan opens an exhausted account.': 'plan.changed: allowance.exhausted > allowance.open',
} as const satisfies Record<string, string>;

/** Frames by the state in which they find their job. */
const ARRIVALS = {
  'A result arrives for a job that was cancelled.': 'finished: cancelled',
  'A result arrives for a job that has expired.': 'finished: expired',
  'A result arrives once more.': 'finished: succeeded',
  'A result arrives for a job that waits again.': 'finished: queued',
  'A result arrives for a job that backs off.': 'finished: backingOff',
  'A failure arrives for a job that was cancelled.': 'failed: cancelled',
  'A failure arrives once more, and its job backs off.': 'failed: backingOff',
  'A failure arrives for a job that waits again.': 'failed: queued',
  'A start is told of a job that waits again.': 'started: queued',
  'A start is told of a job that was cancelled.': 'started: cancelled',
  'A run was cancelled, and its job runs again.': 'cancelled: assigned',
  'Progress is told of a job that was cancelled.': 'progress: cancelled',
} as const satisfies Record<string, string>;

export type Sometimes = (typeof IN_THE_WORLD)[number] | keyof typeof TURNS | keyof typeof ARRIVALS;

export const SOMETIMES = [
  ...IN_THE_WORLD,
  ...Object.keys(TURNS),
  ...Object.keys(ARRIVALS),
] as readonly Sometimes[];

interface Pattern {
  readonly name: Sometimes;
  readonly event: string;
  readonly from: string;
  readonly to: string;
}

const PATTERNS: readonly Pattern[] = Object.entries(TURNS).map(([name, text]) => {
  const [, event = '', from = '', to = ''] = /^(.*): (.*) > (.*)$/.exec(text)!;
  return { name: name as Sometimes, event, from, to };
});

const isLike = (text: string, beginning: string): boolean =>
  beginning === '*' || text.startsWith(beginning);

/** The same turns come again and again, so each kind is looked up once. */
const known = new Map<string, readonly Sometimes[]>();

export function rareTurn(
  event: string,
  { from, to }: { readonly from: string; readonly to: string },
): readonly Sometimes[] {
  const text = `${event}: ${from} > ${to}`;
  const before = known.get(text);
  if (before) return before;
  const found = PATTERNS.filter(
    (each) => isLike(event, each.event) && isLike(from, each.from) && isLike(to, each.to),
  ).map(({ name }) => name);
  known.set(text, found);
  return found;
}

export function rareArrival(frame: string, state: string): readonly Sometimes[] {
  const text = `${frame}: ${state}`;
  return Object.entries(ARRIVALS)
    .filter(([, beginning]) => text.startsWith(beginning))
    .map(([name]) => name as Sometimes);
}
