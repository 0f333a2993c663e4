// Test equipment: a Telegram of our own on a loopback port, for the real grammY. It is strict (sizes, lengths, rates, one
// poller for each bot), remembers every chat, and misbehaves when it is told to: errors, dropped connections of which
// nobody knows whether they did anything, updates that come again.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type {
  BotCommand,
  CallbackQuery,
  Chat,
  InlineKeyboardMarkup,
  Message,
  MessageEntity,
  Update,
  User,
} from '@grammyjs/types';
import { FakeMethods, Refusal, type Upload } from './fake-methods.ts';
import { RateKeeper, REAL_RATES, type Rates } from './fake-rates.ts';

export interface FakeBot {
  readonly id: number;
  readonly token: string;
  readonly username: string;
  readonly name: string;
  readonly updates: Update[];
  readonly commands: Map<string, BotCommand[]>;
  readonly words: Map<string, string>;
  webhook: { url: string; secret: string } | null;
  /** Where its webhook is on this machine, where no proxy with https stands. */
  webhookLocal?: string;
  /** Asks for updates right now; another one ends it with 409. */
  poller: { end(error: Refusal): void } | null;
  wake: () => void;
}

export interface StoredMessage {
  readonly chat: Chat;
  readonly message_id: number;
  /** Whose it is: a bot's id, or null where a person wrote it. */
  readonly bot: number | null;
  readonly from: string;
  readonly replyTo: number | null;
  text: string;
  entities: MessageEntity[];
  media: { kind: string; fileId: string; bytes: Uint8Array; name: string } | null;
  markup: InlineKeyboardMarkup | null;
  media_group_id?: string;
  isDeleted: boolean;
  /** What it said before. */
  readonly history: string[];
}

/** dropBefore: nothing is done, the line breaks. dropAfter: it is done, and the line breaks. */
export type Fault = 'dropBefore' | 'dropAfter' | 'error500' | { readonly retryAfterS: number };

const FIRST_UPDATE = 100;

export class FakeTelegram {
  readonly chats = new Map<number, Chat>();
  readonly messages: StoredMessage[] = [];
  readonly files = new Map<string, Upload & { kind: string; bot: number }>();
  readonly blocked = new Set<string>();
  readonly presses = new Map<string, { text: string; isAlert: boolean } | null>();
  /** Every call, in order. */
  readonly calls: { readonly bot: string; readonly method: string; readonly at: number }[] = [];
  readonly rates: RateKeeper;
  uploads = 0;
  #nextId = 1;
  readonly #bots = new Map<string, FakeBot>();
  readonly #faults: { method: string; fault: Fault; times: number }[] = [];
  readonly #server: Server;
  readonly #watchers = new Set<() => void>();

  private constructor(rates: Rates, now: () => number) {
    this.rates = new RateKeeper(rates, now);
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start({ rates = REAL_RATES, now = Date.now, port = 0 } = {}): Promise<FakeTelegram> {
    const fake = new FakeTelegram(rates, now);
    await new Promise<void>((resolve) => fake.#server.listen(port, '127.0.0.1', resolve));
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const bot of this.#bots.values()) bot.wake();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  addBot(username: string): FakeBot {
    const id = 7_000_000 + this.#bots.size;
    const token = `${id}:${username}`;
    const bot: FakeBot = {
      ...{ id, token, username, name: username, updates: [], webhook: null, poller: null },
      ...{ commands: new Map(), words: new Map(), wake: () => undefined },
    };
    this.#bots.set(token, bot);
    return bot;
  }

  /** The next calls of the method go wrong. */
  misbehave(method: string, fault: Fault, times = 1): void {
    this.#faults.push({ method, fault, times });
  }

  nextId(): number {
    return this.#nextId++;
  }

  // --- what people do ---------------------------------------------------------------------------

  chat(id: number, title = `chat ${id}`): Chat {
    const chat = (
      id < 0 ? { id, type: 'supergroup', title } : { id, type: 'private', first_name: title }
    ) as Chat;
    this.chats.set(id, this.chats.get(id) ?? chat);
    return this.chats.get(id)!;
  }

  /** Somebody writes to a bot, or in a group that it is in. */
  write(
    bot: FakeBot,
    user: Pick<User, 'id'> & Partial<User>,
    content: Partial<Message> & { text?: string },
    chatId = user.id,
  ): Update {
    const chat = this.chat(chatId);
    const from: User = { is_bot: false, first_name: `Person ${user.id}`, ...user };
    const stored = this.store(chat, {
      ...{ bot: null, text: content.text ?? content.caption ?? '' },
      ...{ from: from.first_name, replyTo: content.reply_to_message?.message_id ?? null },
    });
    const message = { ...this.asMessage(stored), from, ...content };
    return this.#update(bot, { message: message as never });
  }

  press(
    bot: FakeBot,
    user: Pick<User, 'id'> & Partial<User>,
    message: StoredMessage,
    label: string,
  ) {
    const button = (message.markup?.inline_keyboard ?? [])
      .flat()
      .find(({ text }) => text.includes(label));
    if (!button || !('callback_data' in button)) throw new Error(`There is no button ${label}.`);
    const id = `press_${this.nextId()}`;
    this.presses.set(id, null);
    const query = {
      ...{ id, chat_instance: '1', data: button.callback_data },
      from: { is_bot: false, first_name: `Person ${user.id}`, ...user },
      message: this.asMessage(message),
    } as CallbackQuery;
    this.#update(bot, { callback_query: query });
    return id;
  }

  /** The same update once more, as after an answer that got lost. */
  redeliver(bot: FakeBot, update: Update): void {
    bot.updates.push(update);
    bot.wake();
    this.pushWebhook(bot);
  }

  addFile(bot: FakeBot, kind: string, bytes: Uint8Array): string {
    const id = `${bot.id}_${kind}_sent_${this.nextId()}`;
    this.files.set(id, { name: kind, bytes, kind, bot: bot.id });
    return id;
  }

  delete(message: StoredMessage): void {
    message.isDeleted = true;
  }

  /** Visible messages of bots in a chat. */
  shown(chatId: number): StoredMessage[] {
    return this.messages.filter(
      ({ chat, bot, isDeleted }) => chat.id === chatId && bot !== null && !isDeleted,
    );
  }

  /** Resolves when it is so; looked at after each call that changes something. */
  async until(isSo: () => boolean): Promise<void> {
    if (isSo()) return;
    await new Promise<void>((resolve) => {
      const look = () => {
        if (!isSo()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
    });
  }

  // --- what the methods need --------------------------------------------------------------------

  store(chat: Chat, content: Partial<StoredMessage>): StoredMessage {
    const stored: StoredMessage = {
      ...{ chat, message_id: this.nextId(), bot: null, from: 'bot', replyTo: null, text: '' },
      ...{ entities: [], media: null, markup: null, isDeleted: false, history: [] },
      ...content,
    };
    this.messages.push(stored);
    return stored;
  }

  change(
    message: StoredMessage,
    next: Pick<StoredMessage, 'text' | 'entities' | 'media' | 'markup'>,
  ): void {
    message.history.push(message.text);
    Object.assign(message, next);
  }

  asMessage(stored: StoredMessage): Message {
    const { chat, message_id, text, entities, media, bot, markup } = stored;
    const owner = [...this.#bots.values()].find(({ id }) => id === bot);
    const from = owner
      ? { id: owner.id, is_bot: true, first_name: owner.name, username: owner.username }
      : { id: chat.id, is_bot: false, first_name: stored.from };
    const file = media && {
      file_id: media.fileId,
      file_unique_id: media.fileId,
      file_size: media.bytes.byteLength,
    };
    const content =
      media === null
        ? { text, entities }
        : {
            caption: text,
            caption_entities: entities,
            [media.kind]: media.kind === 'photo' ? [file] : file,
          };
    return {
      ...{ message_id, date: 1, chat, from, ...content },
      ...(markup === null ? {} : { reply_markup: markup }),
    };
  }

  answerPress(id: string, text: string, isAlert: boolean): boolean {
    if (!this.presses.has(id) || this.presses.get(id) !== null) return false;
    this.presses.set(id, { text, isAlert });
    return true;
  }

  async updatesOf(
    bot: FakeBot,
    asked: { offset: number; limit: number; timeoutMs: number; gone: AbortSignal },
  ): Promise<Update[]> {
    const conflict = new Refusal(
      409,
      'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running',
    );
    bot.poller?.end(conflict);
    const isConfirmed = ({ update_id }: Update) => update_id < asked.offset;
    // What was confirmed is forgotten.
    bot.updates.splice(0, bot.updates.length, ...bot.updates.filter((each) => !isConfirmed(each)));
    if (bot.updates.length === 0 && asked.timeoutMs > 0)
      await new Promise<void>((resolve, reject) => {
        const end = (error: Error | null) => {
          clearTimeout(timer);
          bot.poller = null;
          bot.wake = () => undefined;
          return error === null ? resolve() : reject(error);
        };
        const timer = setTimeout(() => end(null), asked.timeoutMs);
        bot.poller = { end };
        bot.wake = () => end(null);
        asked.gone.addEventListener('abort', () => end(null));
      });
    return bot.updates.slice(0, asked.limit);
  }

  /** As long as the bot has one, updates are sent there until they are taken. */
  pushWebhook(bot: FakeBot): void {
    const [update] = bot.updates;
    if (bot.webhook === null || update === undefined) return;
    const { url, secret } = bot.webhook;
    const local = bot.webhookLocal ?? url;
    void fetch(local, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-telegram-bot-api-secret-token': secret },
      body: JSON.stringify(update),
    })
      .then((response) => {
        if (!response.ok) throw new Error(String(response.status));
        bot.updates.splice(bot.updates.indexOf(update), 1);
        this.pushWebhook(bot);
      })
      .catch(() => setTimeout(() => this.pushWebhook(bot), 100));
  }

  #update(bot: FakeBot, content: Omit<Update, 'update_id'>): Update {
    const update = { update_id: FIRST_UPDATE + this.nextId(), ...content };
    bot.updates.push(update);
    bot.wake();
    this.pushWebhook(bot);
    return update;
  }

  // --- HTTP -------------------------------------------------------------------------------------

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, token, method] = /^\/bot([^/]+)\/(\w+)$/.exec(request.url ?? '') ?? [];
    const bot = this.#bots.get(decodeURIComponent(token ?? ''));
    if (request.url?.startsWith('/file/')) return this.#sendFile(request.url, response);
    if (!bot || method === undefined)
      return reply(response, 401, { ok: false, error_code: 401, description: 'Unauthorized' });
    this.calls.push({ bot: bot.username, method, at: Date.now() });
    const fault = this.#faultOf(method);
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    try {
      const args = await argumentsOf(request);
      if (fault === 'dropBefore') return void request.socket.destroy();
      if (fault === 'error500') throw new Refusal(500, 'Internal Server Error');
      if (typeof fault === 'object' && fault !== null)
        throw new Refusal(429, `Too Many Requests: retry after ${fault.retryAfterS}`, {
          retry_after: fault.retryAfterS,
        });
      const methods = new FakeMethods(this, bot) as unknown as Record<string, unknown>;
      const call = methods[method];
      if (typeof call !== 'function') throw new Refusal(404, `Not Found: ${method}`);
      const result: unknown = await (call as (...of: unknown[]) => unknown).call(
        methods,
        args,
        gone.signal,
      );
      if (fault === 'dropAfter') return void request.socket.destroy();
      reply(response, 200, { ok: true, result });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { code, message: description, parameters } = error;
      reply(response, code, { ok: false, error_code: code, description, parameters });
    } finally {
      if (method !== 'getUpdates') for (const look of this.#watchers) look();
    }
  }

  #faultOf(method: string): Fault | null {
    const found = this.#faults.find((each) => each.method === method && each.times > 0);
    if (!found) return null;
    found.times -= 1;
    return found.fault;
  }

  #sendFile(url: string, response: ServerResponse): void {
    const file = this.files.get(decodeURIComponent(url.split('/').at(-1) ?? ''));
    if (!file) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(file.bytes);
  }
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** JSON, or a form whose files are named by `attach://`. */
async function argumentsOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const type = request.headers['content-type'] ?? '';
  if (!type.startsWith('multipart/'))
    return body.byteLength === 0 ? {} : (JSON.parse(body.toString()) as Record<string, unknown>);
  // For what a test sends itself.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  const form = await new Response(body, { headers: { 'content-type': type } }).formData();
  const files = new Map<string, Upload>();
  const plain: Record<string, unknown> = {};
  for (const [name, value] of form)
    if (typeof value === 'string') plain[name] = parsed(value);
    else files.set(name, { name: value.name, bytes: new Uint8Array(await value.arrayBuffer()) });
  return attached(plain, files) as Record<string, unknown>;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function attached(value: unknown, files: ReadonlyMap<string, Upload>): unknown {
  if (typeof value === 'string' && value.startsWith('attach://')) return files.get(value.slice(9));
  if (Array.isArray(value)) return value.map((each) => attached(each, files));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, attached(each, files)]),
  );
}
