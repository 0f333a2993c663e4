// The embedded PostgreSQL under `up`: killed, it comes back where clients look for it.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../testing.ts';
import { type Database, startDatabase } from './database.ts';

async function ask<T>(url: string, text: string): Promise<T | undefined> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<{ answer: T }>(text)).rows[0]?.answer;
  } finally {
    await client.end();
  }
}

describe('the embedded database', () => {
  const said: string[] = [];
  let waiting: { pattern: RegExp; resolve: () => void }[] = [];
  const say = (sentence: string): void => {
    said.push(sentence);
    const heard = waiting.filter(({ pattern }) => pattern.test(sentence));
    waiting = waiting.filter((one) => !heard.includes(one));
    heard.forEach(({ resolve }) => resolve());
  };
  const hear = (pattern: RegExp) =>
    new Promise<void>((resolve) => waiting.push({ pattern, resolve }));
  let folder: string;
  let database: Database;

  beforeAll(async () => {
    folder = temporaryFolder('up-database');
    const onMoved = () => say('moved');
    database = await startDatabase({ ownUrl: null, folder, say, onMoved });
  });
  afterAll(async () => {
    await database.stop();
    removeFolder(folder);
  });

  it('comes back at the same address after kill -9, with what was committed', async () => {
    const url = database.url();
    await ask(url, 'create table kept as select 42 as answer');
    const [line = ''] = [
      await ask<string>(url, `select pg_read_file('postmaster.pid', 0, 12) as answer`),
    ];
    const back = hear(/is back/);
    process.kill(Number.parseInt(line, 10), 'SIGKILL');
    await back;
    expect(database.url()).toBe(url);
    expect(await ask<number>(url, 'select answer from kept')).toBe(42);
    expect(said).not.toContain('moved');
  });
});

it("leaves the operator's own database alone", async () => {
  const ownUrl = 'postgres://somewhere.invalid/else';
  const silent = () => undefined;
  const options = { ownUrl, folder: '/nowhere', say: silent, onMoved: silent };
  const database = await startDatabase(options);
  expect(database.url()).toBe(ownUrl);
  await database.stop();
});
