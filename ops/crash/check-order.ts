// What was written in which order: one turn per revision, one stream without gaps, and nothing left over.
import type { Evidence, StreamRow } from './evidence.ts';
import { groupBy } from './check-jobs.ts';
import { TERMINAL, type Seen } from './history.ts';

/** I10: the turns of an actor are 1, 2, 3 up to its own revision, each there once. */
export function oneTurnPerRevision({ actors, journal }: Evidence): string[] {
  const nameOf = ({ account, kind, id }: { account: string; kind: string; id: string }) =>
    `${account}/${kind}/${id}`;
  const byActor = groupBy(journal, nameOf);
  const known = new Set(actors.map(nameOf));
  return [
    ...[...byActor.keys()].filter((name) => !known.has(name)).map((name) => `${name} is not there`),
    ...actors.flatMap((actor) => {
      const turns = (byActor.get(nameOf(actor)) ?? []).map(({ revision }) => revision);
      turns.sort((a, b) => a - b);
      const broken = turns.findIndex((revision, index) => revision !== index + 1);
      if (broken >= 0)
        return [`${nameOf(actor)}: turn ${broken + 1} has revision ${turns[broken]}`];
      if (turns.length === actor.revision) return [];
      return [`${nameOf(actor)} is at revision ${actor.revision} after ${turns.length} turns`];
    }),
  ];
}

/** Every row has its number, and the numbers are 1, 2, 3 up to the head. */
export function theStreamHasNoGaps({ stream, streamHead }: Evidence): string[] {
  const unnumbered = stream
    .filter(({ seq }) => seq === null)
    .map(({ job }) => `${job} waits for a seq`);
  const numbers = stream.flatMap(({ seq }) => (seq === null ? [] : [seq])).sort((a, b) => a - b);
  const broken = numbers.findIndex((seq, index) => seq !== index + 1);
  if (broken >= 0)
    return [...unnumbered, `place ${broken + 1} of the stream has seq ${numbers[broken]}`];
  return numbers.length === streamHead
    ? unnumbered
    : [...unnumbered, `the head is at ${streamHead} after ${numbers.length} rows`];
}

/** A job's ending is told once, and nothing is told after it. */
export function theStreamEndsEachJob({ stream, actors }: Evidence): string[] {
  const byJob = groupBy(stream, ({ job }) => job);
  const bySeq = (a: StreamRow, b: StreamRow) => (a.seq ?? Infinity) - (b.seq ?? Infinity);
  return actors
    .filter(({ kind, settled }) => kind === 'job' && settled)
    .flatMap(({ id, state }) => {
      const told = (byJob.get(id) ?? []).toSorted(bySeq).map((row) => row.state);
      const endings = told.filter((each) => TERMINAL.has(each));
      return endings.length === 1 && told.at(-1) === state
        ? []
        : [`${id} is ${state}; the stream told ${told.join(', ') || 'nothing'}`];
    });
}

/** I15: who followed the stream, over however many connections, saw all of it, in order. */
export function subscribersSawEverything({ seen, stream }: Evidence): string[] {
  const followed = seen.flatMap((each) =>
    each.what === 'state' && each.seq !== null ? [each as Followed] : [],
  );
  const seenBy = groupBy(followed, ({ account }) => account);
  const told = groupBy(stream, ({ account }) => account);
  return [...told].flatMap(([account, rows]) => {
    const mine = (seenBy.get(account) ?? []).map(({ seq }) => seq);
    const disorder = mine.findIndex((seq, index) => index > 0 && seq <= mine[index - 1]!);
    const had = new Set(mine);
    const missed = rows.filter(({ seq }) => seq !== null && !had.has(seq));
    return [
      ...(disorder < 0 ? [] : [`${account} saw seq ${mine[disorder]} after ${mine[disorder - 1]}`]),
      ...missed.map(({ seq, job, state }) => `${account} never saw seq ${seq} (${job} ${state})`),
    ];
  });
}
type Followed = Extract<Seen, { what: 'state' }> & { readonly seq: number };

/** I12, I11, I17: no timer of what has ended, no message to nobody, nothing parked, no slot taken. */
export function nothingIsLeftOver({ actors, timers, outbox, parked }: Evidence): string[] {
  const settled = new Set(
    actors.filter((actor) => actor.settled).map(({ account, id }) => `${account}/${id}`),
  );
  const slots = actors
    .filter(({ kind }) => kind === 'worker')
    .flatMap(({ id, context }) =>
      Object.keys((context as WorkerContext).run.slots).map(
        (job) => `${id} still has a slot for ${job}`,
      ),
    );
  return [
    ...timers
      .filter(({ account, id }) => settled.has(`${account}/${id}`))
      .map(({ id, name }) => `${id} has ended and its timer ${name} is armed`),
    ...outbox.map(({ id, destination }) => `message ${id} for ${destination} was not delivered`),
    ...parked.map(({ id, reason }) => `${id} is parked: ${reason}`),
    ...slots,
  ];
}
interface WorkerContext {
  readonly run: { readonly slots: Readonly<Record<string, unknown>> };
}
