// The channel between runtimes on PostgreSQL's NOTIFY: one connection of its own, so that nothing of it
// touches the connections that commit. Slow and small; Redis does better where there is one.
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Channel, ChannelListener } from '../machines/contract/channel.ts';
import { inTurn } from './in-turn.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** A connection that answers nothing for this long is given up, whatever the network says. */
const ANSWER_TIMEOUT_MS = 3_000;
const PROBE_MS = 5_000;
const RECONNECT_MS = 500;
/** PostgreSQL takes payloads of less than 8,000 bytes: longer texts go in parts, to a limit. */
const PART_BYTES = 7_500;
const PARTS_MAX = 16;

const NOTIFY = { name: 'notify', text: 'select pg_notify($1, text) from unnest($2::text[]) text' };

/** A topic becomes a channel of the database; its name may have 63 bytes. */
const nameOf = (topic: string): string => `tessera:${topic}`;

export class PostgresChannel implements Channel {
  readonly isSlow = true;
  readonly #url: string;
  readonly #topics = new Set<string>();
  readonly #stop = new AbortController();
  readonly #inTurn = inTurn();
  #client: pg.Client | null = null;
  #loop: Promise<void> = Promise.resolve();

  constructor({ url }: { readonly url: string }) {
    this.#url = url;
  }

  open(listener: ChannelListener): void {
    this.#loop = this.#run(listener);
  }

  async #run(listener: ChannelListener): Promise<void> {
    const { signal } = this.#stop;
    let isTold = false;
    while (!signal.aborted) {
      const why = await this.#session(listener, () => (isTold = false)).catch(messageOf);
      if (signal.aborted) return;
      if (!isTold) listener.broken(why);
      isTold = true;
      await pause(RECONNECT_MS, signal);
    }
  }

  /** @returns why the connection ended */
  async #session(listener: ChannelListener, connected: () => void): Promise<string> {
    const client = new pg.Client({
      connectionString: this.#url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
      keepAlive: true,
      application_name: 'tessera-channel',
    });
    const ended = new AbortController();
    // Without a listener Node ends the process when Postgres goes away.
    client.on('error', (error) => ended.abort(error.message));
    client.on('end', () => ended.abort('The connection was closed.'));
    const join = joiner();
    client.on('notification', ({ channel, payload = '', processId }) => {
      const text = join(processId, payload);
      if (text !== null) listener.received(channel.slice(nameOf('').length), text);
    });
    try {
      await client.connect();
      // A notification is a transaction; nobody needs it to survive a crash of the database.
      await client.query('set synchronous_commit = off');
      for (const topic of this.#topics) await client.query(listenTo(topic));
      this.#client = client;
      connected();
      listener.connected();
      const over = AbortSignal.any([ended.signal, this.#stop.signal]);
      while (!over.aborted) {
        await pause(PROBE_MS, over);
        if (!over.aborted) await this.#inTurn(() => client.query('select 1'));
      }
      return String(ended.signal.reason ?? '');
    } finally {
      this.#client = null;
      // A peer that is gone never answers the goodbye.
      void client.end().catch(() => undefined);
      setTimeout(() => destroy(client), ANSWER_TIMEOUT_MS).unref();
    }
  }

  subscribe(topic: string): void {
    this.#topics.add(topic);
    void this.#ask({ text: listenTo(topic) });
  }

  unsubscribe(topic: string): void {
    this.#topics.delete(topic);
    void this.#ask({ text: listenTo(topic).replace('listen', 'unlisten') });
  }

  async publish(topic: string, texts: readonly string[]): Promise<void> {
    await this.#ask({ ...NOTIFY, values: [nameOf(topic), texts.flatMap(partsOf)] });
  }

  async #ask(query: pg.QueryConfig): Promise<void> {
    const client = this.#client;
    // A client that failed once is not asked again: the session is about to end.
    if (client) await this.#inTurn(() => client.query(query)).catch(() => destroy(client));
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }
}

/** Each begins with how many are still to come. They arrive in order: one statement sends them. */
function partsOf(text: string): string[] {
  const bytes = Buffer.from(text);
  const parts = Math.ceil(bytes.length / PART_BYTES);
  if (parts > PARTS_MAX) return [];
  // Base 64 where a cut could fall within a character.
  const whole = parts === 1 ? text : bytes.toString('base64');
  if (parts === 1) return [`0 ${whole}`];
  const pieces = whole.match(new RegExp(`.{1,${PART_BYTES}}`, 'g')) ?? [];
  return pieces.map((piece, index) => `${pieces.length - 1 - index}+${piece}`);
}

/** Takes the parts from each sender; answers with the text when it is whole, else with null. */
function joiner(): (sender: number, part: string) => string | null {
  const begun = new Map<number, string>();
  return (sender, part) => {
    const at = part.search(/[ +]/);
    if (part[at] === ' ') return part.slice(at + 1);
    const text = (begun.get(sender) ?? '') + part.slice(at + 1);
    if (part.startsWith('0')) begun.delete(sender);
    else begun.set(sender, text);
    return part.startsWith('0') ? Buffer.from(text, 'base64').toString() : null;
  };
}

const listenTo = (topic: string): string => `listen ${pg.escapeIdentifier(nameOf(topic))}`;

const messageOf = (error: unknown): string => (error as Error).message;

const destroy = (client: pg.Client): void => void client.connection.stream.destroy();

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
