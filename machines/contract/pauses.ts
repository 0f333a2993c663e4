// What an operator keeps from being given out for now. What waits stays in its place, what runs goes on.

export const PAUSE_SCOPES = ['queue', 'model', 'plan', 'worker'] as const;

/** All that waits, or what one name covers. */
export interface PauseTarget {
  readonly scope: (typeof PAUSE_SCOPES)[number];
  /** Which model, plan or worker; '' for the whole queue. */
  readonly name: string;
}

export interface Pause extends PauseTarget {
  /** Who said so: an API key's id. */
  readonly by: string;
  readonly at: number;
}
