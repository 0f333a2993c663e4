// One Telegram bot: its parts put together, started and stopped.
import type { Server } from 'node:http';
import { Bot } from 'grammy';
import type { Update, UserFromGetMe } from 'grammy/types';
import type { JobView } from '../../machines/contract/views.ts';
import type { BotEntry } from '../bots/bots-file.ts';
import { Governor, realClock, type Clock } from '../bots/governor.ts';
import { modelThatEnlarges, requestFor } from '../bots/requests.ts';
import type { Errand } from '../bots/teller.ts';
import { textsFor } from '../bots/texts/texts.ts';
import type { FrontendClient } from '../client/frontend.ts';
import type { TesseraClient } from '../client/http.ts';
import { pushCommands } from './commands.ts';
import { Desk } from './desk.ts';
import { ALLOWED_UPDATES, poll } from './polling.ts';
import type { Place } from './place.ts';
import { Presses } from './presses.ts';
import { Prompts } from './prompts.ts';
import { TelegramSurface } from './surface.ts';
import { Talk } from './talk.ts';
import { route } from './updates.ts';
import { listen } from './webhook.ts';

export interface TelegramSeams {
  readonly tessera: TesseraClient;
  readonly client: FrontendClient;
  readonly follow: (job: JobView) => Promise<void>;
  readonly report: (what: string, error: unknown) => void;
  readonly clock?: Clock;
  /** How long Telegram may let a question for updates wait. */
  readonly pollS?: number;
}

/** Longer than a question for updates may take. */
const TIMEOUT_S = 60;

export class TelegramBot {
  readonly entry: BotEntry;
  readonly governor: Governor;
  readonly surface: TelegramSurface;
  readonly #seams: TelegramSeams;
  readonly #bot: Bot;
  readonly #stopped = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #server: Server | null = null;

  constructor(entry: BotEntry, seams: TelegramSeams) {
    const { client, clock = realClock, report } = seams;
    this.entry = entry;
    this.#seams = seams;
    this.#bot = newBot(entry);
    this.governor = new Governor({
      clock,
      failed: (error, { key }) => report(`${entry.persona.bot} could not send ${key}`, error),
    });
    this.surface = new TelegramSurface({
      bot: entry.persona.bot,
      api: this.#bot.api,
      client,
      canEnlarge: async () => modelThatEnlarges(await this.#desk!.models()) !== null,
      heard: (errand, place, text) => this.#heard(errand, place, text),
    });
  }

  #desk: Desk | null = null;
  #prompts: Prompts | null = null;

  /** Who it is, and what it is called there. @throws when the token is not good */
  async open(): Promise<UserFromGetMe> {
    await this.#bot.init();
    const me = this.#bot.botInfo;
    const { tessera, client, follow, clock = realClock } = this.#seams;
    const { governor } = this;
    const desk = new Desk({
      ...{ persona: this.entry.persona, api: this.#bot.api, username: me.username },
      ...{ tessera, client, governor, follow, now: () => clock.now() },
    });
    const prompts = new Prompts(desk, (id) => this.#download(id));
    [this.#desk, this.#prompts] = [desk, prompts];
    const presses = new Presses(desk, prompts);
    route(this.#bot, { desk, prompts, presses, talk: new Talk(desk) });
    return me;
  }

  /** Takes updates from now on. */
  async start(): Promise<void> {
    const { report, pollS } = this.#seams;
    const { persona, webhook } = this.entry;
    const { api } = this.#bot;
    await pushCommands(api, persona).catch((error: unknown) =>
      report(`${persona.bot} could not say its commands`, error),
    );
    const handle = (update: Update) => this.#bot.handleUpdate(update);
    if (webhook !== null) {
      this.#server = await listen({ webhook, handle, report });
      const { url, secret } = webhook;
      await api.setWebhook(url, { secret_token: secret, allowed_updates: ALLOWED_UPDATES });
      return;
    }
    await api.deleteWebhook();
    const seams = { api, handle, report, ...(pollS === undefined ? {} : { pollS }) };
    this.#running = poll(seams, this.#stopped.signal);
    this.#running.catch((error: unknown) => report(`${persona.bot} takes no more updates`, error));
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    const server = this.#server;
    if (server) await new Promise((resolve) => server.close(resolve));
    await this.#running.catch(() => undefined);
    await this.governor.stop();
  }

  /** The words of a voice note are a prompt like any other; once, however often it is heard. */
  async #heard({ delivery }: Errand, place: Place, text: string): Promise<void> {
    const desk = this.#desk!;
    const { person, chat, job } = delivery;
    const visitor = {
      ...{ person, chat, texts: textsFor(place.language) },
      place: { ...place, isVoice: false },
    };
    const chosen = await desk.chosen(person);
    const request = requestFor(this.entry.persona, chosen, { prompt: text.slice(0, 8_000) });
    await this.#prompts!.place(visitor, request, `heard:${job.id}`);
  }

  async #download(fileId: string): Promise<Uint8Array<ArrayBuffer>> {
    const { file_path: path } = await this.#bot.api.getFile(fileId);
    const root = this.entry.apiUrl ?? 'https://api.telegram.org';
    const url = `${root}/file/bot${this.entry.token}/${path}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_S * 1000) }).catch(
      () => null,
    );
    // Its address holds the token: it is named in no error.
    if (!response?.ok) throw new Error('A file could not be fetched from Telegram.');
    return new Uint8Array(await response.arrayBuffer());
  }
}

export function newBot({ token, apiUrl }: Pick<BotEntry, 'token' | 'apiUrl'>): Bot {
  return new Bot(token, {
    client: {
      ...(apiUrl === null ? {} : { apiRoot: apiUrl.replace(/\/$/, '') }),
      timeoutSeconds: TIMEOUT_S,
    },
  });
}
