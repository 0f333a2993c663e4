// What every channel does, whatever carries it. Used by the tests of each.
import { afterEach, expect, it } from 'vitest';
import type { Channel } from '../machines/contract/channel.ts';

export interface Carrier {
  channel(): Promise<Channel> | Channel;
  /** Breaks every connection; they may be made again at once. Null: there are none. */
  readonly cut: (() => Promise<void>) | null;
}

export function channelConformance(carrier: Carrier): void {
  const opened: Channel[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((channel) => channel.close()));
  });

  /** A member that remembers what it heard. */
  async function member(...topics: string[]) {
    const channel = await carrier.channel();
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

  /**
   * Says it until it is heard. A channel that drops what it cannot send answers at once: what comes in between,
   * a new connection among it, must get its turn.
   */
  async function insist(from: Channel, [topic, text]: readonly [string, string], to: string[]) {
    while (!to.includes(`${topic}: ${text}`)) {
      await from.publish(topic, [text]);
      await new Promise((resolve) => setImmediate(resolve));
    }
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
    // Asked for on the same connection: once the second is heard, the first is listened to.
    b.channel.subscribe('listening');
    await insist(a.channel, ['listening', 'now'], b.heard);
    await a.channel.publish('live:acc_a', ['seen']);
    await b.until(() => b.heard.includes('live:acc_a: seen'));
    b.channel.unsubscribe('live:acc_a');
    b.channel.subscribe('ended');
    await insist(a.channel, ['ended', 'now'], b.heard);
    await a.channel.publish('live:acc_a', ['not seen']);
    await a.channel.publish('end', ['over']);
    await b.until(() => b.heard.includes('end: over'));
    expect(b.heard).not.toContain('live:acc_a: not seen');
  });

  it('carries long texts whole, from several at once', async () => {
    const [a, b] = [await member(), await member('long')];
    const long = 'Größe — 大きい '.repeat(1_500);
    await Promise.all([
      a.channel.publish('long', [long, 'short']),
      b.channel.publish('long', [long, 'last']),
    ]);
    await b.until(() => b.heard.length === 4);
    const expected = [`long: ${long}`, `long: ${long}`, 'long: last', 'long: short'];
    expect(b.heard.toSorted()).toEqual(expected.toSorted());
  });

  const { cut } = carrier;
  if (cut !== null)
    it('says so when it breaks, connects again, listens on', async () => {
      const [a, b] = [await member(), await member('news')];
      await cut();
      await a.channel.publish('news', ['said into the gap']); // perhaps dropped; nothing is thrown
      await a.until(() => a.connections() === 2);
      await b.until(() => b.connections() === 2);
      expect(b.broken).toHaveLength(1);
      await insist(a.channel, ['news', 'heard'], b.heard);
    });

  it('is silent once it is closed', async () => {
    const [a, b] = [await member('news'), await member('news')];
    await b.channel.close();
    await b.channel.publish('news', ['from the dead']);
    await a.channel.publish('news', ['one']);
    await a.until(() => a.heard.length === 1);
    expect([a.heard, b.heard]).toEqual([['news: one'], []]);
  });
}
