// Sizes of a run. All of them come from the environment, so that a small machine can take a small bite.
const number = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise);

export const settings = {
  /** Throughput: jobs at most, seconds at most, and how many producers and slots. */
  jobs: number('N', 20_000),
  secondsMax: number('SECONDS_MAX', 8),
  concurrency: number('CONCURRENCY', 64),
  poolSize: number('POOL', 20),
  /** Each measurement is repeated; the medians are shown. */
  rounds: number('ROUNDS', 1),
  /** Latency. */
  latencyJobs: number('LATENCY_N', 500),
  everyMs: number('EVERY_MS', 20),
  slots: number('SLOTS', 4),
  /** Scaling: what the base has; ten times as much is compared with it. */
  scaling: {
    waiting: number('WAITING', 2_000),
    accounts: number('ACCOUNTS', 1_000),
    settled: number('SETTLED', 10_000),
    seconds: number('SCALING_SECONDS', 5),
    factor: number('FACTOR', 10),
  },
  recovery: {
    live: number('LIVE', 100_000),
    kills: number('KILLS', 3),
  },
  memory: {
    waiting: number('MEMORY_WAITING', 20_000),
    accounts: number('MEMORY_ACCOUNTS', 100_000),
  },
} as const;

/** The jobs that run before anything is counted. */
export const warmUpOf = (jobs: number): number => Math.min(1000, Math.ceil(jobs / 10));
