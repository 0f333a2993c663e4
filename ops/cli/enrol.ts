// Enrolment from both sides: `tessera key enrol` makes a token beside the runtime, `tessera worker enrol`
// exchanges it for a key on the worker's machine.
import { insertEnrolment } from '../../db/queries/enrolments.ts';
import { migrate } from '../../db/migrate.ts';
import { createDatabasePool } from '../../db/pool.ts';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import { readConfig } from '../../runtime/config.ts';
import { ENROLMENT_TTL_MS, makeEnrolment, parseEnrolment } from '../../runtime/keys.ts';
import { homeAt } from './home.ts';
import { nameOf } from './key.ts';
import { Misuse } from './misuse.ts';
import { withDatabase } from './with-database.ts';
import { enrolWorker } from './worker-key.ts';

export interface TokenOptions {
  readonly name?: string;
  readonly json?: true;
}

export async function makeToken(options: TokenOptions, env: NodeJS.ProcessEnv): Promise<void> {
  const name = options.name === undefined ? null : nameOf(options.name);
  const made = await withDatabase(env, 'tessera key enrol', async (url) => {
    await migrate(url);
    return issueToken(url, name);
  });
  const { token, expiresAt } = made;
  const expires_at = new Date(expiresAt).toISOString();
  console.log(options.json ? JSON.stringify({ token, name, expires_at }) : token);
  console.error(
    `A token for one worker, until ${expires_at}. On its machine: tessera worker enrol TOKEN`,
  );
}

export async function issueToken(databaseUrl: string, name: string | null) {
  const { id, token, hash } = makeEnrolment();
  const pool = await createDatabasePool({ url: databaseUrl, connectionsMax: 1 });
  try {
    const { expiresAt } = await insertEnrolment(pool, {
      ...{ accountId: SYSTEM_ACCOUNT, id, hash, name, ttlMs: ENROLMENT_TTL_MS, by: 'operator' },
    });
    return { token, expiresAt };
  } finally {
    await pool.end();
  }
}

export async function enrolHere(
  given: string | undefined,
  options: { readonly json?: true },
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const config = readConfig(env);
  const token = given ?? config.worker.token;
  if (token === null) {
    throw new Misuse(
      'Which token? Beside the runtime, `tessera key enrol` makes one; then `tessera worker enrol TOKEN` here.',
    );
  }
  if (parseEnrolment(token) === null) {
    throw new Misuse('This is no whole token: one begins with tsr_enrol_. Was it cut off?');
  }
  const { worker } = await enrolWorker(config, token);
  const key_file = homeAt(config.home).keyOfWorker(config.worker.name);
  if (options.json) console.log(JSON.stringify({ ...worker, key_file }));
  console.error(
    `This machine is the worker ${worker.name} (${worker.id}). Its key lies in ${key_file}; ` +
      '`tessera worker` finds it there.',
  );
}
