// What lies where in TESSERA_HOME. Deleting that folder begins anew.
import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Misuse } from './misuse.ts';

export const REPOSITORY = resolve(import.meta.dirname, '..', '..');

export interface Home {
  readonly folder: string;
  /** Who runs here; readable by its owner only, because it holds the database's address. */
  readonly instance: string;
  readonly postgres: string;
  readonly workerKey: string;
  /** Each agent's results until they are acknowledged; two agents must not share a folder. */
  readonly worker: (name: string) => string;
  /** What an enrolled agent got for its token; for its owner's eyes. */
  readonly keyOfWorker: (name: string) => string;
  /** What a worker's engines say, and which of them run. */
  readonly engines: (worker: string) => string;
  /** Which engines a worker has, where no other file was named. */
  readonly enginesFile: string;
  readonly log: (name: string) => string;
}

export const homeAt = (folder: string): Home => ({
  folder,
  instance: join(folder, 'instance.json'),
  postgres: join(folder, 'postgres'),
  workerKey: join(folder, 'worker-key'),
  worker: (name) => join(folder, 'workers', fileNameOf(name)),
  keyOfWorker: (name) => join(folder, 'workers', `${fileNameOf(name)}.key`),
  engines: (name) => join(folder, 'engines', fileNameOf(name)),
  enginesFile: join(folder, 'engines.json'),
  log: (name) => join(folder, 'logs', `${name}.log`),
});

const fileNameOf = (name: string): string => name.replaceAll(/[^\w.-]/g, '_');

/** Makes the folder where it is missing. @throws Misuse when nothing can be kept there */
export function prepareHome(folder: string): void {
  try {
    makeFolder(folder);
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Misuse(
      `Tessera cannot keep its data in ${folder} (${code}). Set TESSERA_HOME to a folder that can ` +
        'be written to, or to the path of a new one.',
    );
  }
}

/** Not `recursive`: under /proc and its like, Node tries that for ever. */
function makeFolder(folder: string): void {
  try {
    if (!existsSync(dirname(folder))) makeFolder(dirname(folder));
    mkdirSync(folder);
  } catch (error) {
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}
