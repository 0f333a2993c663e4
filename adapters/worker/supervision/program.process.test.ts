// Real processes that serve, die, hang and stay behind.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { openLedger } from './leftovers.ts';
import { groupMembers, processMark } from './process-mark.ts';
import * as stage from './processes-testing.ts';

const isUp = /is up$/;

async function begin(way: string, folder = stage.folderOfTest()) {
  const port = await stage.freePort();
  const house = await stage.keepHouse(folder, stage.entryOf(port, stage.serve(port, way)));
  onTestFinished(() => house.hosts.stop());
  await house.hosts.start();
  return { port, folder, ...house };
}

test('a program is started without our secrets, and gone after the stop', async () => {
  vi.stubEnv('TESSERA_WORKER_KEY', 'tsr_worker_secret');
  onTestFinished(() => void vi.unstubAllEnvs());
  const { port, folder, logs, hosts } = await begin('serves');
  await logs(isUp);
  const pid = await stage.pidServing(port);
  await hosts.stop();
  expect(groupMembers(pid)).toEqual([]);
  const file = join(folder, 'held.log');
  expect(readFileSync(file, 'utf8')).toContain(`starting ${pid} without our key`);
  expect(statSync(file).mode & 0o077).toBe(0);
});

test('one that dies is another one soon, and that is told', async () => {
  const { port, logs, hosts } = await begin('serves');
  const downs: string[] = [];
  hosts.all[0]!.onDown?.((reason) => void downs.push(reason));
  await logs(isUp);
  const first = await stage.pidServing(port);
  await stage.pidServing(port, '/die').catch(() => undefined);
  await logs(isUp);
  expect(await stage.pidServing(port)).not.toBe(first);
  expect(downs).toEqual(['exit code 7']);
});

test('a restart is another process at the same address', async () => {
  const { port, logs, hosts } = await begin('deaf');
  await logs(isUp);
  const first = await stage.pidServing(port);
  await hosts.all[0]!.restart!('it hangs');
  expect(await stage.pidServing(port)).not.toBe(first);
  expect(processMark(first)).toBeNull();
});

test('one that dies at once says why, and is given up after five times', async () => {
  const { logs } = await begin('dies');
  expect(await logs(/has ended/)).toMatch(
    /\(exit code 3\); it said: error: model file not found\./,
  );
  expect(await logs(/5 times in a row/)).toMatch(/held\.log has all that it said/);
});

test('children of a program end with it', async () => {
  const { port, logs, hosts } = await begin('parent');
  await logs(isUp);
  const child = await stage.pidServing(port);
  await hosts.stop();
  // Not whether somebody listens there: by then the port may be another test's.
  expect(processMark(child)).toBeNull();
});

test('what a killed worker left is ended by the next one, and only that', async () => {
  const folder = stage.folderOfTest();
  const old = await begin('parent', folder);
  await old.logs(isUp);
  const left = await stage.pidServing(old.port);
  // The first worker's memory is gone with it; here it goes on, which the next start must not notice.
  const stranger = openLedger(join(folder, 'stranger'));
  stranger.note('held', { pid: process.pid, mark: 'somebody else began then' });
  await stranger.sweep({ info: vi.fn(), warn: vi.fn(), error: vi.fn() }, stage.quick);
  const next = await stage.keepHouse(folder, stage.entryOf(0, stage.serve(old.port, 'serves')));
  onTestFinished(() => next.hosts.stop());
  await next.hosts.start();
  await next.logs(/An engine of an earlier worker still runs/);
  expect(processMark(left)).toBeNull();
});

test('a stranger at the address is told, and never taken for the engine', async () => {
  const folder = stage.folderOfTest();
  const { port, logs } = await begin('serves', folder);
  await logs(isUp);
  const second = await stage.keepHouse(
    stage.folderOfTest(),
    stage.entryOf(port, stage.serve(port, 'serves')),
  );
  onTestFinished(() => second.hosts.stop());
  await second.hosts.start();
  expect(await second.logs(/has ended/)).toContain(`Something else listens at 127.0.0.1:${port}`);
});

test('a program that is not there is told by its name', async () => {
  const port = await stage.freePort();
  const program = { command: ['/nowhere/engine'], env: {} };
  const house = await stage.keepHouse(
    stage.folderOfTest(),
    stage.entryOf(port, { by: 'command', program }),
  );
  onTestFinished(() => house.hosts.stop());
  await house.hosts.start();
  expect(await house.logs(/has ended/)).toContain(
    '/nowhere/engine could not be started: there is no such program or folder.',
  );
});
