import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../db/testing.ts';
import { parseKey, platformOf } from '../../runtime/keys.ts';
import { acceptedAs, issueKey } from '../cli/issue-key.ts';
import { removeFolder, temporaryFolder } from '../testing.ts';
import { ensureWorkerKey } from './worker-key.ts';

let database: TestDatabase;
let folder: string;
beforeAll(async () => {
  database = await testDatabase();
  folder = temporaryFolder('worker-key');
});
afterAll(async () => {
  await database.drop();
  removeFolder(folder);
});

it('is made once, kept for its owner alone, and made anew for another database', async () => {
  const path = join(folder, 'worker-key');
  const key = await ensureWorkerKey(database.url, path);
  expect(parseKey(key)?.kind).toBe('worker');
  expect(statSync(path).mode & 0o077).toBe(0);
  expect(await ensureWorkerKey(database.url, path)).toBe(key);

  const other = await testDatabase();
  const fresh = await ensureWorkerKey(other.url, path);
  expect(fresh).not.toBe(key);
  expect(readFileSync(path, 'utf8').trim()).toBe(fresh);
  await other.drop();
});

it('issues keys that the database accepts, and no others', async () => {
  const request = { kind: 'user', name: 'laptop', account: null, platform: null } as const;
  const { key, account, isNewAccount } = await issueKey(database.url, request);
  expect(isNewAccount).toBe(true);
  expect(await acceptedAs(database.url, key)).toMatch(/^key_/);
  expect(await acceptedAs(database.url, key.replace(/.$/, '~'))).toBeNull();
  const second = await issueKey(database.url, { ...request, account });
  expect(second).toMatchObject({ account, isNewAccount: false });
  expect(second.key).not.toBe(key);
});

it("issues a frontend's key for one platform", async () => {
  const request = { kind: 'frontend', name: 'bot', account: null, platform: 'discord' } as const;
  const { key, account } = await issueKey(database.url, request);
  expect(account).toBe('system');
  expect(platformOf((await acceptedAs(database.url, key)) ?? '')).toBe('discord');
});
