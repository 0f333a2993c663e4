// Texts between runtimes by NOTIFY: they arrive whole and in order, and again after a break.
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import pg from 'pg';
import type { Channel } from '../machines/contract/channel.ts';
import { PostgresChannel } from './notifications.ts';
import { testDatabase, type TestDatabase } from './testing.ts';

let database: TestDatabase;
const opened: Channel[] = [];

beforeAll(async () => void (database = await testDatabase()));
afterEach(async () => {
  await Promise.all(opened.splice(0).map((channel) => channel.close()));
});
afterAll(() => database.drop());

/** A member that remembers what it heard; `next` resolves with the text that comes next. */
async function member(...topics: string[]) {
  const channel = new PostgresChannel({ url: database.url });
  opened.push(channel);
  const heard: string[] = [];
  const broken: string[] = [];
  let wake = (): void => undefined;
  let connections = 0;
  for (const topic of topics) channel.subscribe(topic);
  channel.open({
    received: (topic, text) => void (heard.push(`${topic}: ${text}`), wake()),
    connected: () => void (connections++, wake()),
    broken: (why) => void (broken.push(why), wake()),
  });
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await new Promise<void>((resolve) => (wake = resolve));
  };
  await until(() => connections === 1);
  return { channel, heard, broken, until, connections: () => connections };
}

it('tells those who listen to the topic, the sender among them, and nobody else', async () => {
  const [a, b, c] = [await member('news'), await member('news', 'more'), await member('more')];
  await a.channel.publish('news', ['one', 'two']);
  await a.channel.publish('more', ['three']);
  await b.until(() => b.heard.length === 3);
  await c.until(() => c.heard.length === 1);
  await a.until(() => a.heard.length === 2);
  expect(b.heard).toEqual(['news: one', 'news: two', 'more: three']);
  expect([a.heard, c.heard]).toEqual([['news: one', 'news: two'], ['more: three']]);
});

it('begins and ends to listen while it is open', async () => {
  const [a, b] = [await member(), await member('end')];
  b.channel.subscribe('live:acc_a');
  await b.channel.publish('end', ['subscribed']);
  await b.until(() => b.heard.length === 1);
  await a.channel.publish('live:acc_a', ['seen']);
  await b.until(() => b.heard.length === 2);
  b.channel.unsubscribe('live:acc_a');
  await b.channel.publish('end', ['unsubscribed']);
  await b.until(() => b.heard.length === 3);
  await a.channel.publish('live:acc_a', ['not seen']);
  await a.channel.publish('end', ['over']);
  await b.until(() => b.heard.length === 4);
  expect(b.heard.slice(1)).toEqual(['live:acc_a: seen', 'end: unsubscribed', 'end: over']);
});

it('carries texts that are longer than one notification, and drops what is far too long', async () => {
  const [a, b] = [await member(), await member('long')];
  const long = 'Größe — 大きい '.repeat(1_500);
  await Promise.all([
    a.channel.publish('long', [long, 'short']),
    b.channel.publish('long', [long]),
    a.channel.publish('long', ['x'.repeat(1_000_000), 'last']),
  ]);
  await b.until(() => b.heard.length === 4);
  expect(b.heard.toSorted()).toEqual(
    [`long: ${long}`, `long: ${long}`, 'long: last', 'long: short'].toSorted(),
  );
});

it('says so when its connection breaks, connects again and listens on', async () => {
  const [a, b] = [await member(), await member('news')];
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'tessera-channel'`,
  );
  await client.end();
  await a.channel.publish('news', ['said into the gap']); // dropped, and nothing is thrown
  await a.until(() => a.connections() === 2);
  await b.until(() => b.connections() === 2);
  expect(b.broken).toHaveLength(1);
  await a.channel.publish('news', ['heard']);
  await b.until(() => b.heard.includes('news: heard'));
});
