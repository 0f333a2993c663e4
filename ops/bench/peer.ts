// Tessera in process, as a peer among others: submitted through the runtime's own API, run by no-op worker
// slots, the whole life of a job with its money, the same dispatcher, policy and charts as in production.
import { migrate } from '../../db/migrate.ts';
import { checkBooks } from './books.ts';
import { startEngine } from './engine.ts';
import type { OpenOptions, Peer } from './peer-contract.ts';

export const needs = ['postgres'];
export const workloads = ['W1', 'W2'];

/** So many that none has a hundred jobs waiting. */
const ACCOUNTS = 500;

export default async function open(options: OpenOptions): Promise<Peer> {
  const { url, concurrency, poolSize, fail } = options;
  await migrate(url);
  const engine = await startEngine({
    ...{ url, accounts: ACCOUNTS, fail },
    connectionsMax: Math.min(poolSize, 8),
  });
  const before = engine.counts();
  let submitted = 0;
  let settled = 0;
  return {
    async submit(n) {
      await engine.submit(n);
      submitted += 1;
    },
    work: (handler, onComplete) =>
      engine.connect(concurrency, {
        handler: ({ params }) => handler(params['seed'] as number),
        settled: ({ params }) => {
          settled += 1;
          onComplete?.(params['seed'] as number);
        },
      }),
    settled: () => Promise.resolve(settled),
    notes() {
      const { turns, commits } = engine.counts();
      return {
        turnsPerJob: (turns - before.turns) / submitted,
        storeCommitsPerJob: (commits - before.commits) / submitted,
      };
    },
    async close() {
      await engine.stop();
      await checkBooks(url, submitted);
    },
  };
}
