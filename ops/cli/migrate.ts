// `tessera migrate`: brings the database up to this release. `up` does the same by itself.
import { migrate } from '../../db/migrate.ts';
import { withDatabase } from './with-database.ts';

export async function migrateCommand(env: NodeJS.ProcessEnv): Promise<void> {
  await withDatabase(env, 'tessera migrate', async (url) => {
    const applied = await migrate(url);
    const what = applied.length === 0 ? 'nothing to do' : applied.join(', ');
    console.error(`The database is up to date: ${what}.`);
  });
}
