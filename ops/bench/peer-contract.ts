// What the benchmark drives: the same shape as the peers of an outside harness have, so that our own peers
// run there and here alike.

export interface OpenOptions {
  /** A fresh, empty database. */
  readonly url: string;
  /** Jobs that may run at once. */
  readonly concurrency: number;
  readonly poolSize: number;
  readonly workload?: string;
  /** Something went wrong that no call can tell. */
  readonly fail: (error: Error) => void;
}

export interface Peer {
  /** Resolves when the job is durable. */
  submit(n: number): Promise<void>;
  /** Starts the worker. The job's work is done when the handler's promise is. */
  work(handler: (n: number) => Promise<void>, onComplete?: (n: number) => void): Promise<void>;
  /** Jobs that are durably completed. */
  settled(): Promise<number>;
  /** Figures of its own, beside those that are measured from outside. */
  notes?(): Record<string, number>;
  /** Process that serves, when it is not this one. */
  readonly serverPid?: number;
  /** Rejects when the books are wrong. */
  close(): Promise<void>;
}

export type OpenPeer = (options: OpenOptions) => Promise<Peer>;
