// `tessera runtime` where it cannot start.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../db/testing.ts';
import {
  cleanEnvironment,
  freePort,
  removeFolder,
  startTessera,
  temporaryFolder,
} from '../testing.ts';
import { withDatabase } from '../crash/collect.ts';

let folder: string;
let database: TestDatabase;
beforeEach(async () => {
  folder = temporaryFolder('runtime');
  database = await testDatabase();
});
afterEach(async () => {
  await database.drop();
  removeFolder(folder);
});

it('ends when the database fails it after its connections are open', async () => {
  await withDatabase(database.url, (client) => client.query('drop table pauses'));
  const runtime = startTessera(
    ['runtime'],
    cleanEnvironment({
      DATABASE_URL: database.url,
      TESSERA_HOME: folder,
      PORT: String(await freePort()),
    }),
  );
  expect(await runtime.ended).toEqual({ code: 1, signal: null });
  expect(runtime.stderr()).toContain('"pauses" does not exist');
});
