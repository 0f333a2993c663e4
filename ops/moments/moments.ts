// The named moments of one attempt, in the order in which they come, and what must have become of the job when
// the agent, the engine or the line between agent and runtime dies just then.
//
// The rules behind the numbers (machines/job/SPEC.md, machines/worker/SPEC.md): a line that breaks costs no attempt,
// and the engine is not asked twice. An agent that dies is another boot when it comes back: what it had begun counts
// as one attempt, what had arrived as finished counts as done. An engine that dies takes the attempt it works on
// with it, and nothing else.

/** Who dies; the person does not, but calls the job off. */
export const SUBJECTS = ['agent', 'engine', 'line', 'person'] as const;
export type Subject = (typeof SUBJECTS)[number];

export interface Moment {
  /** As the wire tap or the engine's simulator tells it. */
  readonly name: string;
  /** Which one of that name, from 1. */
  readonly nth: number;
  /** The model must not be in memory when the job comes. */
  readonly isLoad?: true;
  /** The job is cancelled while it runs. */
  readonly isCancelled?: true;
  /** The attempt that the job ends with, by who dies. Cancelled jobs end with the one they had. */
  readonly attempts: Readonly<Record<Subject, number>>;
}

const costs = (agent: number, engine: number): Moment['attempts'] => ({
  ...{ agent, engine, line: 1, person: 1 },
});

/** A job that is called off at this moment ends as it was, for it is over already. */
export const isTooLate = ({ name }: Moment): boolean => name === 'runtime says settled';

export const MOMENTS: readonly Moment[] = [
  { name: 'runtime says load', nth: 1, isLoad: true, attempts: costs(2, 2) },
  { name: 'agent says acknowledged', nth: 1, isLoad: true, attempts: costs(2, 2) },
  { name: 'agent says loaded', nth: 1, isLoad: true, attempts: costs(2, 2) },
  { name: 'runtime says run', nth: 1, attempts: costs(2, 2) },
  { name: 'agent says acknowledged', nth: 1, attempts: costs(2, 2) },
  { name: 'agent fetches an input', nth: 1, attempts: costs(2, 2) },
  { name: 'runtime answers: agent fetches an input', nth: 1, attempts: costs(2, 2) },
  { name: 'engine is given an input', nth: 1, attempts: costs(2, 2) },
  { name: 'engine is asked to begin', nth: 1, attempts: costs(2, 2) },
  { name: 'agent says started', nth: 1, attempts: costs(2, 2) },
  { name: 'agent says progress', nth: 1, attempts: costs(2, 2) },
  { name: 'agent says progress', nth: 3, attempts: costs(2, 2) },
  { name: 'engine is asked how far it is', nth: 1, attempts: costs(2, 2) },
  { name: 'engine hands over the result', nth: 1, attempts: costs(2, 2) },
  { name: 'agent asks what has arrived of a result', nth: 1, attempts: costs(2, 1) },
  { name: 'agent sends a result', nth: 1, attempts: costs(2, 1) },
  { name: 'runtime answers: agent sends a result', nth: 1, attempts: costs(2, 1) },
  { name: 'agent says finished', nth: 1, attempts: costs(1, 1) },
  { name: 'runtime says settled', nth: 1, attempts: costs(1, 1) },
  { name: 'runtime says cancel', nth: 1, isCancelled: true, attempts: costs(1, 1) },
  { name: 'agent says cancelled', nth: 1, isCancelled: true, attempts: costs(1, 1) },
];
