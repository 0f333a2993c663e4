// The key of a worker on a machine of its own: named in the environment, or got for a token and kept beside the
// worker's folder for its owner's eyes.
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { enrol, EnrolmentFailed } from '../../adapters/worker/enrolment.ts';
import type { WorkerKeyView } from '../../machines/contract/views.ts';
import type { Config } from '../../runtime/config.ts';
import { homeAt, prepareHome } from './home.ts';
import { Misuse } from './misuse.ts';

type Settings = Pick<Config, 'home' | 'worker'>;

/** @throws Misuse where there is none, and no token to get one */
export async function keyOfWorker(config: Settings): Promise<string> {
  const { key, token, name } = config.worker;
  if (key !== null) return key;
  const path = homeAt(config.home).keyOfWorker(name);
  // A token in the environment is there at every start, and was good for the first one.
  if (existsSync(path)) return readFileSync(path, 'utf8').trim();
  if (token !== null) return (await enrolWorker(config, token)).key;
  throw new Misuse(
    'This worker has no key. Beside the runtime, `tessera key enrol` makes a token; here, ' +
      '`tessera worker enrol TOKEN` gets the key for it (or set TESSERA_WORKER_TOKEN, or TESSERA_WORKER_KEY).',
  );
}

/** Spends the token, and keeps the key in place of any older one. @throws Misuse */
export async function enrolWorker(config: Settings, token: string): Promise<WorkerKeyView> {
  const { name, url } = config.worker;
  const path = homeAt(config.home).keyOfWorker(name);
  const draft = `${path}.new`;
  // Before the token is spent: a key that cannot be kept is lost.
  prepareHome(config.home);
  prepareHome(dirname(path));
  writeFileSync(draft, '', { mode: 0o600 });
  try {
    const enrolled = await enrol({ url, token, name });
    writeFileSync(draft, `${enrolled.key}\n`, { mode: 0o600 });
    renameSync(draft, path);
    return enrolled;
  } catch (error) {
    rmSync(draft, { force: true });
    throw error instanceof EnrolmentFailed ? new Misuse(error.message) : error;
  }
}
