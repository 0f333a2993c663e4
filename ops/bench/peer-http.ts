// Tessera over the wire: the real runtime in a process of its own, jobs by HTTP as a bot would send them,
// workers over WebSocket. The load generator and the workers are this process.
import { migrate } from '../../db/migrate.ts';
import { createDatabasePool } from '../../db/pool.ts';
import { insertBlob } from '../../db/queries/blobs.ts';
import { checkBooks } from './books.ts';
import { SLOTS_PER_WORKER } from './engine.ts';
import { BLOB, MODEL, NoOpAgent, RESULT } from './no-op-agent.ts';
import type { OpenOptions, Peer } from './peer-contract.ts';
import { newKey, ready, startRuntimeProcess } from './runtime-process.ts';
import { settings } from './settings.ts';
import { client, dialWorker } from './wire.ts';

export const needs = ['postgres'];
export const workloads = ['W1', 'W2'];

/** So many that none has a hundred jobs waiting, and that a free day's tokens (317 of these) last. */
const PEOPLE = Math.max(200, Math.ceil(settings.jobs / 250));

const bodyOf = (n: number): string =>
  JSON.stringify({
    modality: 'image',
    model: MODEL.id,
    prompt: 'the quick brown fox jumps over the lazy dog; pack my box with five dozen jugs',
    params: { width: 256, height: 256, seed: n },
  });

export default async function open(options: OpenOptions): Promise<Peer> {
  const { url, concurrency, workload, fail } = options;
  await migrate(url);
  const pool = await createDatabasePool({ url });
  const runtime = await startRuntimeProcess({ url, fail });
  await ready(runtime);
  const { ask, close } = client(runtime.port);
  const authorization = `Bearer ${await newKey(pool, 'frontend')}`;
  const agents: NoOpAgent[] = [];
  let submitted = 0;
  let settled = 0;

  const headersOf = (n: number) => ({
    ...{ authorization, 'tessera-user': `telegram:${1000 + (n % PEOPLE)}` },
  });
  // Accounts are made at first sight. The no-op engine uploads nothing, so its one result is put where
  // each account's uploads would be.
  for (let n = 0; n < PEOPLE; n++) {
    const { id } = JSON.parse(await ask('GET', '/v1/account', headersOf(n))) as { id: string };
    await insertBlob(pool, id, { id: BLOB, bytes: RESULT.length, mediaType: 'image/png' });
  }

  return {
    serverPid: runtime.pid,
    async submit(n) {
      const headers = headersOf(n);
      const json = { 'content-type': 'application/json', 'idempotency-key': `bench-${n}` };
      const answer = await ask('POST', '/v1/jobs', { ...headers, ...json }, bodyOf(n));
      submitted += 1;
      if (workload === 'W2') return;
      // Whoever has sent a job looks at it.
      await ask('GET', `/v1/jobs/${(JSON.parse(answer) as { id: string }).id}`, headers);
    },
    async work(handler, onComplete) {
      for (let n = 0; n * SLOTS_PER_WORKER < concurrency; n++)
        agents.push(
          new NoOpAgent({
            name: `no-op ${n}`,
            slots: Math.min(SLOTS_PER_WORKER, concurrency - n * SLOTS_PER_WORKER),
            dial: dialWorker(runtime.port, await newKey(pool, 'worker')),
            handler: ({ params }) => handler(params['seed'] as number),
            settled: ({ params }) => {
              settled += 1;
              onComplete?.(params['seed'] as number);
            },
          }),
        );
      await Promise.all(agents.map((agent) => agent.ready));
    },
    settled: () => Promise.resolve(settled),
    async close() {
      for (const agent of agents) agent.close();
      close();
      await runtime.stop();
      await pool.end();
      await checkBooks(url, submitted);
    },
  };
}
