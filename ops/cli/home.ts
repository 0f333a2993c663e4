// Where Tessera keeps what it writes, and what lies there. Deleting the folder begins anew.
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

export interface Home {
  readonly folder: string;
  /** Who runs here; readable by its owner only, because it holds the database's address. */
  readonly instance: string;
  readonly postgres: string;
  readonly workerKey: string;
  readonly worker: string;
  readonly logs: string;
}

/**
 * A relative TESSERA_HOME is meant from where the person stands; without one it is the repository's own
 * folder, so that `npx tessera` finds the same data from any folder.
 */
export function homeOf(env: NodeJS.ProcessEnv, cwd = process.cwd()): Home {
  const folder = env['TESSERA_HOME']
    ? resolve(cwd, env['TESSERA_HOME'])
    : join(REPOSITORY, '.tessera');
  return {
    folder,
    instance: join(folder, 'instance.json'),
    postgres: join(folder, 'postgres'),
    workerKey: join(folder, 'worker-key'),
    worker: join(folder, 'worker'),
    logs: join(folder, 'logs'),
  };
}
