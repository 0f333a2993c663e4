// `tessera key list` and `tessera key revoke`: which keys there are, and the end of one.
import { listApiKeys, revokeApiKey } from '../../db/queries/api-keys.ts';
import { migrate } from '../../db/migrate.ts';
import { createDatabasePool } from '../../db/pool.ts';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import { workerIdOf } from '../../runtime/keys.ts';
import { Misuse } from './misuse.ts';
import { withDatabase } from './with-database.ts';

export interface ListOptions {
  readonly account?: string;
  readonly json?: true;
}

const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString());

export async function listKeys(options: ListOptions, env: NodeJS.ProcessEnv): Promise<void> {
  const rows = await withPool(env, 'tessera key list', (pool) =>
    listApiKeys(pool, options.account ?? SYSTEM_ACCOUNT),
  );
  const keys = rows.map(({ id, kind, name, createdAt, lastUsedAt, revokedAt }) => ({
    ...{ id, kind, name, worker: kind === 'worker' ? workerIdOf(id) : null },
    ...{ created_at: iso(createdAt), last_used_at: iso(lastUsedAt), revoked_at: iso(revokedAt) },
  }));
  if (options.json) return console.log(JSON.stringify(keys));
  for (const { id, kind, name, revoked_at } of keys)
    console.log([id, kind, revoked_at === null ? 'valid' : 'revoked', name].join('\t'));
}

export async function revokeKey(id: string, env: NodeJS.ProcessEnv): Promise<void> {
  const isRevoked = await withPool(env, 'tessera key revoke', (pool) =>
    revokeApiKey(pool, { id, by: 'operator' }),
  );
  if (!isRevoked) {
    throw new Misuse(
      `There is no key ${id}, or it was revoked before. \`tessera key list\` tells what there is.`,
    );
  }
  console.error(`${id} is revoked. Whoever uses it is out within five seconds.`);
}

type Pool = Awaited<ReturnType<typeof createDatabasePool>>;

function withPool<T>(
  env: NodeJS.ProcessEnv,
  command: string,
  use: (pool: Pool) => Promise<T>,
): Promise<T> {
  return withDatabase(env, command, async (url) => {
    await migrate(url);
    const pool = await createDatabasePool({ url, connectionsMax: 1 });
    try {
      return await use(pool);
    } finally {
      await pool.end();
    }
  });
}
