// A chart with a place for everything, as `layout.ts` makes it while the site is built. Lengths in pixels.

export interface Drawing {
  readonly machine: string;
  readonly width: number;
  readonly height: number;
  readonly states: readonly DrawnState[];
  readonly arrows: readonly DrawnArrow[];
}

export interface DrawnState {
  /** `assigned.executing`; of the chart itself: ''. */
  readonly path: string;
  readonly name: string;
  readonly kind: 'atomic' | 'compound' | 'parallel' | 'final' | 'any';
  readonly isInitial: boolean;
  readonly description: string;
  readonly tags: readonly string[];
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** All that leads from one state to another. */
export interface DrawnArrow {
  /** Path of the state it leaves; of the bubble "in any state": the state around it. */
  readonly from: string;
  readonly to: string;
  readonly events: readonly DrawnEvent[];
  /** An SVG path. */
  readonly line: string;
  readonly label: { readonly x: number; readonly y: number };
}

export interface DrawnEvent {
  /** As the journal has it, e.g. `xstate.after.deadline.job`; empty: at once. */
  readonly type: string;
  /** As people read it: `after deadline`. */
  readonly name: string;
  readonly guard: string | null;
}

/**
 * What an arrow says: one line for each event, since a long line pushes everything apart. What happens at once
 * is told apart by its guard.
 */
export const linesOf = (events: readonly DrawnEvent[]): string[] => [
  ...new Set(events.map(({ name, guard }) => name || (guard === null ? 'at once' : `[${guard}]`))),
];
