// `npm run bench`: durable jobs per second, and how soon an idle worker gets a job. On the embedded
// Postgres with fsync and synchronous_commit on. Bounds and sizes come from the environment.
import { cpus, totalmem } from 'node:os';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../db/embedded/embedded-postgres.ts';
import { migrate } from '../../db/migrate.ts';
import { startEngine, type Engine } from './engine.ts';

const setting = (name: string, otherwise: number) => Number(process.env[name] ?? otherwise);
const JOBS = setting('N', 20_000);
const SECONDS_MAX = setting('SECONDS_MAX', 10);
const PRODUCERS = setting('CONCURRENCY', 64);
const LATENCY_JOBS = setting('LATENCY_N', 500);
const EVERY_MS = setting('EVERY_MS', 20);
const SLOTS = setting('SLOTS', 4);

const folder = await mkdtemp(join(tmpdir(), 'tessera-bench-'));
const postgres = await startEmbeddedPostgres({ folder, onExit: () => undefined });
try {
  await describeMachine();
  const throughput = await inFreshDatabase('throughput', PRODUCERS, measureThroughput);
  const latency = await inFreshDatabase('latency', SLOTS, measureLatency);
  console.table([throughput]);
  console.table(latency);
} finally {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

async function describeMachine(): Promise<void> {
  const { rows } = await ask<{ version: string }>(postgres.url, 'select version()');
  const [cpu] = cpus();
  console.log(
    `${cpu?.model ?? 'unknown CPU'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
  );
  console.log(
    `Node ${process.version}; ${rows[0]?.version.split(' on ')[0]}, fsync and synchronous_commit on`,
  );
}

async function inFreshDatabase<T>(
  name: string,
  slots: number,
  measure: (engine: Engine, url: string) => Promise<T>,
): Promise<T> {
  await ask(postgres.url, `create database bench_${name}`);
  const url = new URL(postgres.url);
  url.pathname = `/bench_${name}`;
  await migrate(url.href);
  await ask(url.href, 'checkpoint');
  const engine = await startEngine(url.href, slots);
  try {
    return await measure(engine, url.href);
  } finally {
    await engine.stop();
  }
}

/** Producers submit one job at a time each; done when every job is charged. */
async function measureThroughput(engine: Engine, url: string) {
  let settled = 0;
  let submitted = 0;
  let allSettled = () => undefined as void;
  engine.onSettled(() => {
    settled += 1;
    if (settled === submitted) allSettled();
  });
  const run = async (jobs: number) => {
    const first = submitted;
    const startedAt = performance.now();
    const producer = async () => {
      while (submitted - first < jobs && performance.now() - startedAt < SECONDS_MAX * 1000) {
        submitted += 1;
        await engine.submit(submitted);
      }
    };
    await Promise.all(Array.from({ length: PRODUCERS }, producer));
    if (settled < submitted) await new Promise<void>((resolve) => (allSettled = resolve));
    return { jobs: submitted - first, seconds: (performance.now() - startedAt) / 1000 };
  };
  await run(1000); // warm-up
  const before = { ...engine.counts(), cpu: process.cpuUsage() };
  const { jobs, seconds } = await run(JOBS);
  const after = engine.counts();
  const cpu = process.cpuUsage(before.cpu);
  await check(url, submitted);
  return {
    'jobs/s': Math.round(jobs / seconds),
    jobs,
    'turns/job': rounded((after.turns - before.turns) / jobs),
    'commits/job': rounded((after.commits - before.commits) / jobs),
    'engine CPU µs/job': Math.round((cpu.user + cpu.system) / jobs),
  };
}

/** One submit every few milliseconds to an idle worker. */
async function measureLatency(engine: Engine) {
  const at = new Map<number, { submit: number; ack?: number; start?: number; done?: number }>();
  engine.onStart((n) => (at.get(n)!.start = performance.now()));
  engine.onSettled((n) => (at.get(n)!.done = performance.now()));
  for (let n = 1; n <= LATENCY_JOBS; n++) {
    at.set(n, { submit: performance.now() });
    void engine.submit(n).then(() => (at.get(n)!.ack = performance.now()));
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
  await engine.core.turns.idle();
  const row = (what: 'ack' | 'start' | 'done') => {
    const times = [...at.values()].map((each) => each[what]! - each.submit).sort((a, b) => a - b);
    const at95 = (share: number) => rounded(times[Math.floor((times.length - 1) * share)]!);
    return { p50: at95(0.5), p95: at95(0.95), p99: at95(0.99) };
  };
  return {
    'submit → durable, ms': row('ack'),
    'submit → start, ms': row('start'),
    'submit → charged, ms': row('done'),
  };
}

/** A figure counts only if the books are right: every job ended, was charged once, and left a trace. */
async function check(url: string, jobs: number): Promise<void> {
  const { rows } = await ask<{ ended: number; charged: number; open: number; sum: number }>(
    url,
    `select (select count(*)::int from actors where kind = 'job' and state = 'succeeded') as ended,
       (select count(*)::int from ledger where book = 'system:spent') as charged,
       (select count(*)::int from timers where kind = 'job') as open,
       (select coalesce(sum(amount_mt), 0)::int from ledger) as sum`,
  );
  const found = rows[0]!;
  if (found.ended !== jobs || found.charged !== jobs || found.open !== 0 || found.sum !== 0)
    throw new Error(`The books are wrong for ${jobs} jobs: ${JSON.stringify(found)}`);
}

async function ask<T extends pg.QueryResultRow>(url: string, text: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query<T>(text);
  } finally {
    await client.end();
  }
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
