// `tessera worker` as it is started and stopped, with nothing to dial in to.
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  cleanEnvironment,
  freePort,
  removeFolder,
  startTessera,
  temporaryFolder,
} from '../testing.ts';
import { homeAt } from './home.ts';

let folder: string;
beforeEach(() => (folder = temporaryFolder('worker')));
afterEach(() => removeFolder(folder));

it('ends when it is told to before its first engine is there', async () => {
  const worker = startTessera(
    ['worker'],
    cleanEnvironment({
      TESSERA_HOME: folder,
      TESSERA_URL: `http://127.0.0.1:${await freePort()}`,
      TESSERA_WORKER_KEY: 'tsr_worker_x',
      TESSERA_WORKER_NAME: 'early',
    }),
  );
  // Taken before anything else of the worker is loaded.
  const lock = `${homeAt(folder).worker('early')}.lock`;
  while (!existsSync(lock)) await delay(1);
  worker.child.kill('SIGTERM');
  expect(await worker.ended).toEqual({ code: 0, signal: null });
  expect(worker.stderr()).toContain('The worker was stopped.');
});
