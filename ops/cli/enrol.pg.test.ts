// The way of a worker's key, from the operator's token to the file on the worker's machine.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { revokeApiKey } from '../../db/queries/api-keys.ts';
import { readConfig } from '../../runtime/config.ts';
import { startTestRuntime, type TestRuntime } from '../../runtime/http/testing.ts';
import { dialIn, helloOf } from '../../runtime/http/worker-testing.ts';
import { removeFolder, temporaryFolder } from '../testing.ts';
import { issueToken } from './enrol.ts';
import { REPOSITORY } from './home.ts';
import { acceptedAs } from './issue-key.ts';
import { Misuse } from './misuse.ts';
import { enrolWorker, keyOfWorker } from './worker-key.ts';

let runtime: TestRuntime;
let port: number;
let folder: string;
beforeAll(async () => {
  runtime = await startTestRuntime();
  await runtime.app.listen({ host: '127.0.0.1', port: 0 });
  port = (runtime.app.server.address() as AddressInfo).port;
  folder = temporaryFolder('enrol');
});
afterAll(async () => {
  await runtime.stop();
  removeFolder(folder);
});

const config = (name: string, env: Record<string, string> = {}) =>
  readConfig({
    ...{ TESSERA_HOME: join(folder, name), TESSERA_WORKER_NAME: name },
    ...{ TESSERA_URL: `http://127.0.0.1:${port}`, ...env },
  });

it('a token becomes a key that its owner alone can read, and the worker dials in with it', async () => {
  const here = config('box');
  await expect(keyOfWorker(here)).rejects.toThrow(/This worker has no key.*`tessera key enrol`/);
  const { token } = await issueToken(runtime.url, 'gpu 1');
  const { worker } = await enrolWorker(here, token);
  expect(worker.name).toBe('gpu 1');
  const path = join(folder, 'box', 'workers', 'box.key');
  expect(statSync(path).mode & 0o077).toBe(0);
  const key = await keyOfWorker(here);
  expect(readFileSync(path, 'utf8').trim()).toBe(key);
  const socket = await dialIn(port, key);
  socket.say(helloOf());
  expect((await socket.heard('welcome')).worker).toBe(worker.id);
  socket.hangUp();

  // Spent: the key that is there stays there.
  await expect(enrolWorker(here, token)).rejects.toThrow(/used before.*Make a new one/);
  expect(await keyOfWorker(here)).toBe(key);
  expect(readdirSync(join(folder, 'box', 'workers'))).toEqual(['box.key']);

  // After a revocation a new token makes the machine a worker anew.
  const id = worker.id.replace('wrk_', 'key_');
  expect(await revokeApiKey(runtime.host.pool, { id, by: 'operator' })).toBe(true);
  await enrolWorker(here, (await issueToken(runtime.url, null)).token);
  expect(await keyOfWorker(here)).not.toBe(key);
});

it('a token in the environment is exchanged at the first start, and not looked at later', async () => {
  const { token } = await issueToken(runtime.url, null);
  const here = config('auto', { TESSERA_WORKER_TOKEN: token });
  const key = await keyOfWorker(here);
  expect(await acceptedAs(runtime.url, key)).toMatch(/^key_/);
  expect(await keyOfWorker(here)).toBe(key);
  // A key in the environment is what somebody said last.
  const named = config('auto', { TESSERA_WORKER_KEY: 'tsr_worker_x' });
  expect(await keyOfWorker(named)).toBe('tsr_worker_x');
});

it('the command line answers with JSON, and with nothing secret in it', async () => {
  const { token } = await issueToken(runtime.url, 'gpu 2');
  const env = {
    ...{
      PATH: process.env['PATH'],
      TESSERA_HOME: join(folder, 'said'),
      TESSERA_WORKER_NAME: 'said',
    },
    TESSERA_URL: `http://127.0.0.1:${port}`,
  };
  const main = join(REPOSITORY, 'ops', 'cli', 'main.ts');
  const args = [main, 'worker', 'enrol', token, '--json'];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env });
  const path = join(folder, 'said', 'workers', 'said.key');
  expect(JSON.parse(stdout)).toMatchObject({ name: 'gpu 2', key_file: path });
  expect(stdout + stderr).not.toContain(readFileSync(path, 'utf8').trim());
});

it('a token is not spent where its key could not be kept', async () => {
  const { token } = await issueToken(runtime.url, null);
  mkdirSync(join(folder, 'full'));
  writeFileSync(join(folder, 'full', 'workers'), 'a file where the folder should be');
  await expect(enrolWorker(config('full'), token)).rejects.toThrow(Misuse);
  await enrolWorker(config('roomy'), token);
});

it('a runtime that is not there is named, and leaves nothing behind', async () => {
  const { token } = await issueToken(runtime.url, null);
  const away = config('away', { TESSERA_URL: 'http://127.0.0.1:9' });
  await expect(enrolWorker(away, token)).rejects.toThrow(
    /127\.0\.0\.1:9 gave no answer.*TESSERA_URL/,
  );
  expect(existsSync(join(folder, 'away', 'workers', 'away.key.new'))).toBe(false);
});
