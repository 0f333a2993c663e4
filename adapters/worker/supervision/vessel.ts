// What an engine lives in: a program or a container. The supervisor knows both in this form only.

export interface Vessel {
  /** Whether the engine in it is meant to use the graphics card. */
  readonly usesCard: boolean;
  /** Starts a new one. @throws Error whose message is a sentence */
  launch(): Promise<Life>;
}

/** One run of it, from the launch to its end. */
export interface Life {
  /** Resolves with how it ended, such as `exit code 1`, when nothing of it is left. */
  readonly ended: Promise<string>;
  /** Asks it to end, and ends it when it does not. Resolves when nothing of it is left. */
  stop(graceMs: number): Promise<void>;
  /** For the very last moment of our own process: begins the end and does not wait. */
  abandon(): void;
  /** Can it still reach the graphics card? Null where that cannot be asked. */
  seesCard(): Promise<boolean | null>;
}
