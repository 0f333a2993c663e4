// Whether cost grows with what lies around: ten times the jobs waiting, ten times the accounts, ten times
// the settled history. The queue's length is held while throughput is measured: a new job for each that ends.
import { migrate } from '../../db/migrate.ts';
import { ask } from './books.ts';
import type { Server } from './database.ts';
import { startEngine, type Engine } from './engine.ts';
import { median } from './measurement.ts';
import { familySeconds, ownSeconds } from './processor-time.ts';
import { settings } from './settings.ts';

const WARM_UP_JOBS = 500;
/** Fewer than the mailbox holds. */
const SUBMITS_AT_ONCE = 1_000;

interface Size {
  readonly waiting: number;
  readonly accounts: number;
  readonly settled: number;
}

export async function measureScaling(server: Server): Promise<object> {
  const { factor, seconds: _, ...base } = settings.scaling;
  const sizes: Record<string, Size> = {
    base,
    [`${factor}x jobs waiting`]: { ...base, waiting: base.waiting * factor },
    [`${factor}x accounts`]: { ...base, accounts: base.accounts * factor },
    [`${factor}x settled history`]: { ...base, settled: base.settled * factor },
  };
  const samples = new Map<string, Rate[]>(Object.keys(sizes).map((name) => [name, []]));
  // The base comes first and last: what changed in between was the machine.
  for (const name of [...Object.keys(sizes), 'base'])
    samples.get(name)!.push(await rateAt(server, sizes[name]!));
  const of = (name: string, what: keyof Rate) =>
    median(samples.get(name)!.map((each) => each[what]));
  const rows = Object.entries(sizes).map(([name, size]) => {
    const timesBase = (what: keyof Rate) => (of(name, what) / of('base', what)).toFixed(2);
    const rates = {
      'jobs/s': Math.round(of(name, 'jobsPerSecond')),
      '× base': timesBase('jobsPerSecond'),
    };
    const costs = {
      'CPU µs/job': Math.round(of(name, 'micros')),
      '× base CPU': timesBase('micros'),
    };
    return [name, { ...size, ...rates, ...costs }];
  });
  return Object.fromEntries(rows) as object;
}

interface Rate {
  readonly jobsPerSecond: number;
  /** Processor time of engine, load and Postgres: a busy neighbour disturbs it less than the rate. */
  readonly micros: number;
}

const rateAt = (server: Server, size: Size): Promise<Rate> =>
  server.inFreshDatabase('scaling', async (url) => {
    await migrate(url);
    const failures: Error[] = [];
    const fail = (error: Error) => void failures.push(error);
    const engine = await startEngine({ url, accounts: size.accounts, fail });
    try {
      const flow = await Flow.start(engine);
      await makeHistory(url, flow, size.settled);
      return await flow.rateWith(size.waiting, settings.scaling.seconds, server.pid);
    } finally {
      await engine.stop();
      if (failures.length > 0) console.error(new AggregateError(failures, 'While scaling:'));
    }
  });

/** Keeps as many jobs under way as it is told. */
class Flow {
  readonly #engine: Engine;
  #submitted = 0;
  #settled = 0;
  #wanted = 0;
  /** While closed, jobs that run do not end. */
  #gate = Promise.withResolvers<void>();
  #noticed: () => void = () => undefined;

  private constructor(engine: Engine) {
    this.#engine = engine;
  }

  static async start(engine: Engine): Promise<Flow> {
    const flow = new Flow(engine);
    await engine.connect(settings.concurrency, {
      handler: () => flow.#gate.promise,
      settled: () => flow.#onSettled(),
    });
    return flow;
  }

  #onSettled(): void {
    this.#settled += 1;
    if (this.#submitted - this.#settled < this.#wanted) void this.#submit();
    this.#noticed();
  }

  #submit(): Promise<void> {
    this.#submitted += 1;
    return this.#engine.submit(this.#submitted);
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => (this.#noticed = resolve));
  }

  /** So many jobs, from their submit to their end. */
  async through(jobs: number): Promise<void> {
    this.#gate.resolve();
    const last = this.#settled + jobs;
    await Promise.all(Array.from({ length: jobs }, () => this.#submit()));
    await this.#until(() => this.#settled >= last);
    this.#gate = Promise.withResolvers();
  }

  /** Jobs that end per second while so many wait. */
  async rateWith(waiting: number, seconds: number, databasePid: number): Promise<Rate> {
    for (let left = waiting + settings.concurrency; left > 0; left -= SUBMITS_AT_ONCE)
      await Promise.all(
        Array.from({ length: Math.min(left, SUBMITS_AT_ONCE) }, () => this.#submit()),
      );
    this.#wanted = waiting + settings.concurrency;
    this.#gate.resolve();
    const first = this.#settled + WARM_UP_JOBS;
    await this.#until(() => this.#settled >= first);
    const used = () => ownSeconds() + familySeconds(databasePid);
    const from = { jobs: this.#settled, at: performance.now(), used: used() };
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const jobs = this.#settled - from.jobs;
    const micros = ((used() - from.used) / jobs) * 1e6;
    const jobsPerSecond = jobs / ((performance.now() - from.at) / 1000);
    this.#wanted = 0;
    return { jobsPerSecond, micros };
  }
}

/** Real jobs, lived through once and then copied under other accounts' names. */
async function makeHistory(url: string, flow: Flow, settled: number): Promise<void> {
  await flow.through(ORIGINALS);
  for (const text of COPIES) await ask(url, text, [Math.ceil(settled / ORIGINALS)]);
  await ask(url, 'analyze');
}

const ORIGINALS = 100;
const COPY = `'old' || copy || '_'`;
const FROM_COPIES = 'from generate_series(1, $1::int) as copy cross join';
const COPIES = [
  `insert into actors (account_id, kind, id, machine, version, revision, state, tags, snapshot, created_at,
     updated_at)
   select ${COPY} || account_id, kind, ${COPY} || id, machine, version, revision, state, tags, snapshot,
     created_at, updated_at
   ${FROM_COPIES} (select * from actors where kind = 'job') original`,
  `insert into journal (account_id, kind, actor_id, revision, at, event, from_state, to_state, patch, effects,
     batch_id)
   select ${COPY} || account_id, kind, ${COPY} || actor_id, revision, at, event, from_state, to_state, patch,
     effects, batch_id
   ${FROM_COPIES} (select * from journal where kind = 'job') original`,
  `insert into ledger (account_id, posting, leg, book, amount_mt, balance_mt, reason, job_id, at)
   select ${COPY} || account_id, posting, leg, book, amount_mt, balance_mt, reason, ${COPY} || job_id, at
   ${FROM_COPIES} (select * from ledger where job_id is not null) original`,
];
