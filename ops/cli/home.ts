// What lies where in TESSERA_HOME. Deleting that folder begins anew.
import { join, resolve } from 'node:path';

export const REPOSITORY = resolve(import.meta.dirname, '..', '..');

export interface Home {
  readonly folder: string;
  /** Who runs here; readable by its owner only, because it holds the database's address. */
  readonly instance: string;
  readonly postgres: string;
  readonly workerKey: string;
  /** Each agent's results until they are acknowledged; two agents must not share a folder. */
  readonly worker: (name: string) => string;
  readonly log: (name: string) => string;
}

export const homeAt = (folder: string): Home => ({
  folder,
  instance: join(folder, 'instance.json'),
  postgres: join(folder, 'postgres'),
  workerKey: join(folder, 'worker-key'),
  worker: (name) => join(folder, 'workers', name.replaceAll(/[^\w.-]/g, '_')),
  log: (name) => join(folder, 'logs', `${name}.log`),
});
