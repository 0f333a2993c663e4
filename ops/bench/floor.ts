// What Postgres can do at all, with nothing on top: insert, claim, complete; a row and a commit each. The
// same three statements any queue on Postgres has to make in some form.
import pg from 'pg';
import type { OpenOptions, Peer } from './peer-contract.ts';

const SCHEMA = `
  create table job (
    id bigint generated always as identity primary key,
    n integer not null,
    state text not null default 'waiting',
    payload jsonb not null,
    worker text,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    ended_at timestamptz
  );
  create index job_waiting on job (id) where state = 'waiting'`;
const INSERT = 'insert into job (n, payload) values ($1, $2)';
const CLAIM = `update job set state = 'running', worker = $1, started_at = now() where id = (
  select id from job where state = 'waiting' order by id limit 1 for update skip locked) returning id, n`;
const COMPLETE = `update job set state = 'ended', ended_at = now() where id = $1 and state = 'running'`;

const payload = (n: number): string =>
  JSON.stringify({
    ...{ n, tenant: `tenant-${n % 50}`, model: 'model-large', blob: `blob/${n}` },
    params: { width: 256, height: 256, seed: n, negative: 'blurry, low quality', steps: 30 },
    prompt: 'the quick brown fox jumps over the lazy dog; pack my box with five dozen jugs',
  });

export default async function open({ url, concurrency, poolSize }: OpenOptions): Promise<Peer> {
  const pool = new pg.Pool({ connectionString: url, max: poolSize });
  await pool.query(SCHEMA);
  const idle: (() => void)[] = [];
  let waiting = 0;
  let settled = 0;
  let isClosing = false;
  let workers: Promise<unknown> = Promise.resolve();

  const wake = (): void => {
    waiting += 1;
    idle.shift()?.();
  };
  /** Resolves to false at the end. */
  async function next(): Promise<boolean> {
    while (waiting === 0 && !isClosing) await new Promise<void>((resolve) => idle.push(resolve));
    if (isClosing) return false;
    waiting -= 1;
    return true;
  }

  return {
    async submit(n) {
      await pool.query({ name: 'insert', text: INSERT, values: [n, payload(n)] });
      wake();
    },
    async work(handler, onComplete) {
      const run = async (slot: number): Promise<void> => {
        while (await next()) {
          const claim = { name: 'claim', text: CLAIM, values: [`worker-${slot}`] };
          const [job] = (await pool.query<{ id: string; n: number }>(claim)).rows;
          if (!job) continue;
          await handler(job.n);
          await pool.query({ name: 'complete', text: COMPLETE, values: [job.id] });
          settled += 1;
          onComplete?.(job.n);
        }
      };
      workers = Promise.all(Array.from({ length: concurrency }, (_, slot) => run(slot)));
    },
    settled: () => Promise.resolve(settled),
    async close() {
      isClosing = true;
      for (const resolve of idle.splice(0)) resolve();
      await workers;
      await pool.end();
    },
  };
}
