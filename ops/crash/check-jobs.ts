// What became of the jobs: each promised one is there, once, ended once, with its result.
import type { ActorRow, Evidence } from './evidence.ts';
import { TERMINAL, type Seen } from './history.ts';

type Acknowledged = Extract<Seen, { what: 'acknowledged' }>;

export const ATTEMPTS_MAX = 3;

export interface JobContext {
  readonly spec: { readonly costMt: number };
  readonly run: { readonly attempt: number; readonly chargedMt: number | null };
}

export const jobsOf = ({ actors }: Evidence): readonly ActorRow[] =>
  actors.filter(({ kind }) => kind === 'job');

const acknowledgedIn = ({ seen }: Evidence): Acknowledged[] =>
  seen.filter((each) => each.what === 'acknowledged');

export const groupBy = <T>(rows: readonly T[], keyOf: (row: T) => string): Map<string, T[]> => {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group) group.push(row);
    else groups.set(keyOf(row), [row]);
  }
  return groups;
};

/** I6: an id that was shown to somebody is in the database, in that account. */
export function nothingAcknowledgedIsLost(evidence: Evidence): string[] {
  const kept = new Set(jobsOf(evidence).map(({ account, id }) => `${account}/${id}`));
  return [...new Set(acknowledgedIn(evidence).map(({ account, job }) => `${account}/${job}`))]
    .filter((id) => !kept.has(id))
    .map((id) => `${id} was acknowledged and is not in the database`);
}

/** I5: one key, one job, however often and wherever it was sent. */
export function oneJobPerKey(evidence: Evidence): string[] {
  const byKey = groupBy(acknowledgedIn(evidence), ({ account, key }) => `${account}/${key}`);
  return [...byKey].flatMap(([key, rows]) => {
    const ids = new Set(rows.map(({ job }) => job));
    return ids.size > 1 ? [`key ${key} was answered with ${[...ids].join(' and ')}`] : [];
  });
}

/** Every key was asked until it was answered, so a job that nobody was told of was made twice. */
export function nothingUnaskedFor(evidence: Evidence): string[] {
  const known = new Set(acknowledgedIn(evidence).map(({ job }) => job));
  return jobsOf(evidence)
    .filter(({ id }) => !known.has(id))
    .map(({ account, id }) => `${account}/${id} was never answered to anybody`);
}

/** I4, I17: every job has ended, and exactly one of its turns was an ending. */
export function everyJobEndedOnce(evidence: Evidence): string[] {
  const endings = new Map<string, number>();
  for (const { kind, id, to } of evidence.journal)
    if (kind === 'job' && TERMINAL.has(to)) endings.set(id, (endings.get(id) ?? 0) + 1);
  return jobsOf(evidence).flatMap(({ id, state, settled }) => {
    if (!settled || !TERMINAL.has(state)) return [`${id} is still ${state}`];
    const times = endings.get(id) ?? 0;
    return times === 1 ? [] : [`${id} has ${times} endings in the journal`];
  });
}

/** What a person was shown as the end is the end. */
export function noEndingIsTakenBack(evidence: Evidence): string[] {
  const final = new Map(jobsOf(evidence).map(({ id, state }) => [id, state]));
  const shown = evidence.seen.flatMap((each) =>
    'job' in each && 'state' in each && TERMINAL.has(each.state) ? [each] : [],
  );
  return [...new Set(shown.map(({ job, state }) => `${job} ${state}`))].flatMap((line) => {
    const [job = '', state] = line.split(' ');
    return final.get(job) === state
      ? []
      : [`${job} was shown as ${state} and is ${final.get(job) ?? 'gone'}`];
  });
}

/** I16, I7: attempts are numbered 1 to 3, in the database and in what engines were given. */
export function attemptsAreBounded(evidence: Evidence): string[] {
  const isSound = (attempt: number) => attempt >= 1 && attempt <= ATTEMPTS_MAX;
  return [
    ...jobsOf(evidence)
      .map(({ id, context }) => ({ id, attempt: (context as JobContext).run.attempt }))
      .filter(({ attempt }) => !isSound(attempt))
      .map(({ id, attempt }) => `${id} is at attempt ${attempt}`),
    ...evidence.engines
      .filter(({ attempt }) => !isSound(attempt))
      .map(({ job, attempt, worker }) => `${worker} was given ${job} as attempt ${attempt}`),
  ];
}

/** I23: what a succeeded job promises is there, whole, and was made for this very job. */
export function everyResultIsThere(evidence: Evidence): string[] {
  const withOutputs = new Set(evidence.outputs.map(({ job }) => job));
  const without = jobsOf(evidence)
    .filter(({ id, state }) => state === 'succeeded' && !withOutputs.has(id))
    .map(({ id }) => `${id} succeeded without an output`);
  const wrong = evidence.outputs.flatMap(({ job, blob, bytes, found }) => {
    if (!found) return [`${blob} of ${job} is missing`];
    if (found.bytes !== bytes) return [`${blob} of ${job} has ${found.bytes} of ${bytes} bytes`];
    if (`sha256:${found.sha256}` !== blob) return [`${blob} of ${job} has other bytes`];
    return found.madeFor === job ? [] : [`${blob} of ${job} was made for ${found.madeFor}`];
  });
  return [...without, ...wrong];
}

/** I8: as the engines themselves counted. */
export function slotsAreKept({ engines }: Evidence): string[] {
  return engines
    .filter(({ running, slots }) => running > slots)
    .map(({ worker, running, slots }) => `${worker} ran ${running} at once with ${slots} slots`);
}
