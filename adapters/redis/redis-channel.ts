// The channel between runtimes on Redis: fast enough for pictures on their way. Nothing is kept in Redis, so
// it may be restarted, emptied or lost at any moment; runtimes then look for themselves a little more slowly.
import { createClient } from '@redis/client';
import type { Channel, ChannelListener } from '../../machines/contract/channel.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** A connection that answers no ping is given up. */
const PING_MS = 4_000;
const SILENT_MS = 10_000;
const RECONNECT_MS = 500;
const PREFIX = 'tessera:';

type Client = ReturnType<typeof newClient>;

const newClient = (url: string) =>
  createClient({
    url,
    pingInterval: PING_MS,
    // What cannot be said now is old news later.
    disableOfflineQueue: true,
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SILENT_MS,
      reconnectStrategy: () => RECONNECT_MS,
    },
  });

export class RedisChannel implements Channel {
  readonly isSlow = false;
  readonly #speaker: Client;
  readonly #hearer: Client;
  readonly #topics = new Set<string>();
  #listener: ChannelListener | null = null;
  #isTold = false;

  private constructor(url: string) {
    this.#speaker = newClient(url);
    this.#hearer = newClient(url);
    // Without a listener Node ends the process when Redis goes away.
    this.#speaker.on('error', () => undefined);
    this.#hearer.on('error', (error: Error) => this.#broken(error));
    this.#hearer.on('ready', () => void this.#ready().catch(() => undefined)); // the next one is
  }

  /** @throws Error with a sentence that names the variable to mend */
  static async connect({ url }: { readonly url: string }): Promise<RedisChannel> {
    const channel = new RedisChannel(url);
    const refused = new Promise<never>((_, refuse) => channel.#hearer.once('error', refuse));
    try {
      await Promise.race([refused, channel.#hearer.connect()]);
      await channel.#speaker.connect();
      return channel;
    } catch (error) {
      await channel.close();
      const why = (error as Error).message || 'nobody answers';
      const { host } = new URL(url);
      throw new Error(
        `REDIS_URL names ${host}, which cannot be used: ${why}. Start it, or unset REDIS_URL to do without.`,
        { cause: error },
      );
    }
  }

  open(listener: ChannelListener): void {
    this.#listener = listener;
    if (this.#hearer.isReady) void this.#ready().catch(() => undefined); // the next one is
  }

  async #ready(): Promise<void> {
    const listener = this.#listener;
    if (!listener) return;
    await Promise.all(
      [...this.#topics].map((topic) => this.#hearer.subscribe(PREFIX + topic, this.#hear)),
    );
    this.#isTold = false;
    listener.connected();
  }

  /** Always the same function: subscribed twice, it is called once. */
  readonly #hear = (text: string, name: string): void =>
    this.#listener?.received(name.slice(PREFIX.length), text);

  #broken(error: Error): void {
    if (!this.#isTold) this.#listener?.broken(error.message || 'Redis does not answer.');
    this.#isTold = true;
  }

  subscribe(topic: string): void {
    this.#topics.add(topic);
    if (this.#hearer.isReady)
      void this.#hearer.subscribe(PREFIX + topic, this.#hear).catch(() => undefined); // when it is ready
  }

  unsubscribe(topic: string): void {
    this.#topics.delete(topic);
    void this.#hearer.unsubscribe(PREFIX + topic).catch(() => undefined); // gone with the connection
  }

  async publish(topic: string, texts: readonly string[]): Promise<void> {
    const sent = texts.map((text) => this.#speaker.publish(PREFIX + topic, text));
    await Promise.all(sent).catch(() => undefined); // dropped: nobody depends on it
  }

  close(): Promise<void> {
    this.#listener = null;
    for (const client of [this.#hearer, this.#speaker]) if (client.isOpen) client.destroy();
    return Promise.resolve();
  }
}
