// The methods of the Bot API as the fake has them, checked against the types that grammY itself is made of: each takes
// what Telegram takes, refuses what it refuses in its words, and answers in its shape.
import { createHash } from 'node:crypto';
import type {
  ApiMethods,
  BotCommand,
  BotCommandScope,
  Chat,
  InlineKeyboardMarkup,
  Message,
  MessageEntity,
} from '@grammyjs/types';
import type { FakeBot, FakeTelegram, StoredMessage } from './fake-telegram.ts';

/** A file as it arrives in a request. */
export interface Upload {
  readonly name: string;
  readonly bytes: Uint8Array;
}
type Api = ApiMethods<Upload>;
type Args<Method extends keyof Api> = Parameters<Api[Method]>[0];

export class Refusal extends Error {
  readonly code: number;
  readonly parameters: Readonly<Record<string, number>>;
  constructor(code: number, description: string, parameters: Record<string, number> = {}) {
    super(description);
    this.code = code;
    this.parameters = parameters;
  }
}
const bad = (what: string) => new Refusal(400, `Bad Request: ${what}`);

const TEXT_MAX = 4096;
const CAPTION_MAX = 1024;
const DATA_BYTES_MAX = 64;
const PHOTO_BYTES_MAX = 10 * 1024 * 1024;
const FILE_BYTES_MAX = 50 * 1024 * 1024;
const COMMANDS_MAX = 100;
const ACTIONS = new Set([
  'typing',
  'upload_photo',
  'upload_video',
  'upload_document',
  'record_video',
]);

interface Place {
  readonly chat_id: number | string;
  readonly reply_parameters?: { message_id?: number; allow_sending_without_reply?: boolean };
  readonly reply_markup?: unknown;
  readonly message_thread_id?: number;
}

export class FakeMethods {
  readonly #telegram: FakeTelegram;
  readonly #bot: FakeBot;

  constructor(telegram: FakeTelegram, bot: FakeBot) {
    this.#telegram = telegram;
    this.#bot = bot;
  }

  getMe() {
    const { id, username, name } = this.#bot;
    return {
      ...{ id, username, is_bot: true, first_name: name, can_join_groups: true },
      ...{ can_read_all_group_messages: false, supports_inline_queries: false },
    };
  }

  async getUpdates(
    { offset = 0, limit = 100, timeout = 0 }: NonNullable<Args<'getUpdates'>>,
    gone: AbortSignal,
  ) {
    if (this.#bot.webhook !== null)
      throw new Refusal(409, "Conflict: can't use getUpdates method while webhook is active");
    return this.#telegram.updatesOf(this.#bot, { offset, limit, timeoutMs: timeout * 1000, gone });
  }

  setWebhook({ url, secret_token = '' }: Args<'setWebhook'>): ReturnType<Api['setWebhook']> {
    if (!url.startsWith('https://'))
      throw bad('bad webhook: An HTTPS URL must be provided for webhook');
    if (!/^[\w-]{0,256}$/.test(secret_token))
      throw bad('secret token contains unallowed characters');
    this.#bot.webhook = { url, secret: secret_token };
    this.#telegram.pushWebhook(this.#bot);
    return true;
  }

  deleteWebhook(): ReturnType<Api['deleteWebhook']> {
    this.#bot.webhook = null;
    return true;
  }

  getWebhookInfo() {
    return {
      url: this.#bot.webhook?.url ?? '',
      has_custom_certificate: false,
      pending_update_count: this.#bot.updates.length,
    };
  }

  setMyCommands({ commands, scope, language_code }: Args<'setMyCommands'>): true {
    if (commands.length > COMMANDS_MAX) throw bad('too many commands');
    for (const { command, description } of commands) {
      if (!/^[a-z0-9_]{1,32}$/.test(command)) throw bad('BOT_COMMAND_INVALID');
      if (description.length < 1 || description.length > 256)
        throw bad('BOT_COMMAND_DESCRIPTION_INVALID');
    }
    this.#bot.commands.set(commandsKey(scope, language_code ?? ''), [...commands]);
    return true;
  }

  getMyCommands({ scope, language_code }: NonNullable<Args<'getMyCommands'>>): BotCommand[] {
    return this.#bot.commands.get(commandsKey(scope, language_code ?? '')) ?? [];
  }

  setMyShortDescription({
    short_description = '',
    language_code,
  }: NonNullable<Args<'setMyShortDescription'>>): true {
    if (short_description.length > 120) throw bad('short description is too long');
    this.#bot.words.set(language_code ?? '', short_description);
    return true;
  }

  getMyShortDescription({ language_code }: NonNullable<Args<'getMyShortDescription'>>) {
    return { short_description: this.#bot.words.get(language_code ?? '') ?? '' };
  }

  sendMessage(args: Args<'sendMessage'>): Message {
    const chat = this.#chat(args);
    checkText(args.text, TEXT_MAX, args.entities);
    return this.#new(chat, args, { text: args.text, entities: args.entities ?? [] });
  }

  sendPhoto = (args: Args<'sendPhoto'>) => this.#sendMedia('photo', args.photo, args);
  sendVideo = (args: Args<'sendVideo'>) => this.#sendMedia('video', args.video, args);
  sendAnimation = (args: Args<'sendAnimation'>) =>
    this.#sendMedia('animation', args.animation, args);
  sendAudio = (args: Args<'sendAudio'>) => this.#sendMedia('audio', args.audio, args);
  sendDocument = (args: Args<'sendDocument'>) => this.#sendMedia('document', args.document, args);

  sendMediaGroup(args: Args<'sendMediaGroup'>): Message[] {
    const chat = this.#chat(args);
    if (args.media.length < 2 || args.media.length > 10)
      throw bad('Wrong number of messages in media group; 2 to 10 are allowed');
    const group = `group_${this.#telegram.nextId()}`;
    return args.media.map((media) =>
      this.#new(chat, args, {
        ...this.#media(media.type as Kind, media.media),
        ...captionOf(media),
        media_group_id: group,
      }),
    );
  }

  editMessageText(args: Args<'editMessageText'>): Message {
    const message = this.#own(args);
    if (message.media !== null) throw bad('there is no text in the message to edit');
    checkText(args.text ?? '', TEXT_MAX, args.entities);
    return this.#change(message, args, { text: args.text ?? '', entities: args.entities ?? [] });
  }

  editMessageCaption(args: Args<'editMessageCaption'>): Message {
    const message = this.#own(args);
    if (message.media === null) throw bad('there is no caption in the message to edit');
    return this.#change(message, args, { ...captionOf(args), media: message.media });
  }

  editMessageMedia(args: Args<'editMessageMedia'>): Message {
    const message = this.#own(args);
    const { media } = args;
    const stored = this.#media(media.type as Kind, media.media);
    return this.#change(message, args, { ...stored, ...captionOf(media) });
  }

  sendChatAction(args: Args<'sendChatAction'>): true {
    this.#chat(args);
    if (!ACTIONS.has(args.action)) throw bad('wrong parameter action in request');
    return true;
  }

  answerCallbackQuery(args: Args<'answerCallbackQuery'>): true {
    if ((args.text?.length ?? 0) > 200) throw bad('MESSAGE_TOO_LONG');
    if (
      !this.#telegram.answerPress(args.callback_query_id, args.text ?? '', args.show_alert === true)
    )
      throw bad('query is too old and response timeout expired or query ID is invalid');
    return true;
  }

  getFile({ file_id }: Args<'getFile'>) {
    const file = this.#telegram.files.get(file_id);
    if (!file || file.bot !== this.#bot.id)
      throw bad('wrong file_id or the file is temporarily unavailable');
    if (file.bytes.byteLength > 20 * 1024 * 1024) throw bad('file is too big');
    const path = `files/${file_id}`;
    return { file_id, file_unique_id: file_id, file_path: path, file_size: file.bytes.byteLength };
  }

  #sendMedia(kind: Kind, file: Upload | string, args: Place & CaptionArgs): Message {
    const chat = this.#chat(args);
    return this.#new(chat, args, { ...this.#media(kind, file), ...captionOf(args) });
  }

  #media(kind: Kind, file: Upload | string) {
    if (typeof file === 'string') {
      const known = this.#telegram.files.get(file);
      // A file id holds for the bot that got it, and for files of its kind.
      if (known?.bot !== this.#bot.id || known.kind !== kind)
        throw bad('wrong file identifier/HTTP URL specified');
      return { media: { kind, fileId: file, bytes: known.bytes, name: known.name } };
    }
    const max = kind === 'photo' ? PHOTO_BYTES_MAX : FILE_BYTES_MAX;
    if (file.bytes.byteLength > max) throw new Refusal(413, 'Request Entity Too Large');
    if (file.bytes.byteLength === 0) throw bad('file must be non-empty');
    if (kind === 'photo' && !isPicture(file.bytes)) throw bad('IMAGE_PROCESS_FAILED');
    const digest = createHash('sha256').update(file.bytes).digest('hex').slice(0, 24);
    const fileId = `${this.#bot.id}_${kind}_${digest}`;
    this.#telegram.files.set(fileId, { ...file, kind, bot: this.#bot.id });
    this.#telegram.uploads += 1;
    return { media: { kind, fileId, bytes: file.bytes, name: file.name } };
  }

  #chat({ chat_id, reply_parameters: reply }: Place): Chat {
    const chat = this.#telegram.chats.get(Number(chat_id));
    if (!chat) throw bad('chat not found');
    if (this.#telegram.blocked.has(`${this.#bot.id} ${chat_id}`))
      throw new Refusal(403, 'Forbidden: bot was blocked by the user');
    const seconds = this.#telegram.rates.take(String(this.#bot.id), Number(chat_id));
    if (seconds !== null)
      throw new Refusal(429, `Too Many Requests: retry after ${seconds}`, { retry_after: seconds });
    const replied = reply?.message_id;
    const isThere = this.#telegram.messages.some(
      ({ chat: { id }, message_id }) => id === chat.id && message_id === replied,
    );
    if (replied !== undefined && !isThere && !reply?.allow_sending_without_reply)
      throw bad('message to be replied not found');
    return chat;
  }

  #own(args: { chat_id?: number | string; message_id?: number }): StoredMessage {
    this.#chat({ chat_id: args.chat_id ?? '' });
    const message = this.#telegram.messages.find(
      ({ chat, message_id, isDeleted }) =>
        chat.id === Number(args.chat_id) && message_id === args.message_id && !isDeleted,
    );
    if (!message) throw bad('message to edit not found');
    if (message.bot !== this.#bot.id) throw bad("message can't be edited");
    return message;
  }

  #new(chat: Chat, args: Place, content: Partial<StoredMessage>): Message {
    checkMarkup(args.reply_markup);
    const stored = this.#telegram.store(chat, {
      ...content,
      bot: this.#bot.id,
      replyTo: args.reply_parameters?.message_id ?? null,
      markup: (args.reply_markup as InlineKeyboardMarkup | undefined) ?? null,
    });
    return this.#telegram.asMessage(stored);
  }

  #change(
    message: StoredMessage,
    args: { reply_markup?: unknown },
    content: Partial<StoredMessage>,
  ): Message {
    checkMarkup(args.reply_markup);
    const markup = (args.reply_markup as InlineKeyboardMarkup | undefined) ?? null;
    const next = { text: '', entities: [], media: null, ...content, markup };
    const face = (each: Pick<StoredMessage, 'text' | 'entities' | 'media' | 'markup'>) =>
      JSON.stringify([each.text, each.entities, each.media?.fileId ?? null, each.markup]);
    if (face(message) === face(next))
      throw bad(
        'message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message',
      );
    this.#telegram.change(message, next);
    return this.#telegram.asMessage(message);
  }
}

type Kind = 'photo' | 'video' | 'animation' | 'audio' | 'document';
interface CaptionArgs {
  readonly caption?: string;
  readonly caption_entities?: MessageEntity[];
}

function captionOf({ caption = '', caption_entities = [] }: CaptionArgs) {
  if (caption.length > CAPTION_MAX) throw bad('message caption is too long');
  checkEntities(caption, caption_entities);
  return { text: caption, entities: caption_entities };
}

function checkText(text: string, max: number, entities: MessageEntity[] = []): void {
  if (text.trim() === '') throw bad('message text is empty');
  if (text.length > max) throw bad('message is too long');
  checkEntities(text, entities);
}

function checkEntities(text: string, entities: readonly MessageEntity[]): void {
  for (const { offset, length } of entities)
    if (offset < 0 || length < 1 || offset + length > text.length)
      throw bad('entity ends beyond the end of the text');
}

function checkMarkup(markup: unknown): void {
  const rows = (markup as InlineKeyboardMarkup | undefined)?.inline_keyboard ?? [];
  for (const button of rows.flat()) {
    const data = 'callback_data' in button ? button.callback_data : undefined;
    if (button.text === '') throw bad('text buttons are empty');
    if (data !== undefined && Buffer.byteLength(data) > DATA_BYTES_MAX)
      throw bad('BUTTON_DATA_INVALID');
    if (data === '') throw bad('BUTTON_DATA_INVALID');
  }
  if (rows.flat().length > 100) throw bad('too many buttons');
}

const isPicture = (bytes: Uint8Array): boolean =>
  /^(89504e47|ffd8ff|47494638|52494646)/.test(Buffer.from(bytes.subarray(0, 4)).toString('hex'));

const commandsKey = (scope: BotCommandScope | undefined, language: string): string =>
  JSON.stringify([scope ?? { type: 'default' }, language]);
