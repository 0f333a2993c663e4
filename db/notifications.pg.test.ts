// The channel between runtimes by NOTIFY, with connections that break.
import { afterAll, beforeAll, expect, it } from 'vitest';
import pg from 'pg';
import { channelConformance } from '../runtime/channel-conformance.ts';
import { PostgresChannel } from './notifications.ts';
import { testDatabase, type TestDatabase } from './testing.ts';

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());

channelConformance({
  channel: () => new PostgresChannel({ url: database.url }),
  async cut() {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'tessera-channel'`,
    );
    await client.end();
  },
});

it('drops what is far too long for it, and nothing else', async () => {
  const channel = new PostgresChannel({ url: database.url });
  const heard: string[] = [];
  const over = Promise.withResolvers<void>();
  const connected = Promise.withResolvers<void>();
  channel.subscribe('long');
  channel.open({
    received: (_, text) => void (heard.push(text), over.resolve()),
    connected: () => connected.resolve(),
    broken: () => undefined,
  });
  await connected.promise;
  await channel.publish('long', ['x'.repeat(1_000_000), 'last']);
  await over.promise;
  expect(heard).toEqual(['last']);
  await channel.close();
});
