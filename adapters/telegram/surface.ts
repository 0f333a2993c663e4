// One Telegram bot as what a job is told on: ONE message that changes, from the first word to the result. To bring a
// result is to change that message, so doing it twice changes nothing; only what cannot be an edit (an album, a message
// that somebody deleted) is sent, and such a try is noted first: after two without an answer it is an operator's.
import { InputFile, type Api } from 'grammy';
import type { InlineKeyboardMarkup, Message } from 'grammy/types';
import { readOrigin } from '../../machines/contract/frontend-views.ts';
import { AGAIN, DONE, type Outcome } from '../bots/governor.ts';
import type { MeaningInput } from '../bots/meanings.ts';
import type { Dead, Errand, Surface } from '../bots/teller.ts';
import { textsFor, type Texts } from '../bots/texts/texts.ts';
import {
  endedText,
  heldText,
  resultText,
  shownPrompt,
  sizeOf,
  statusText,
  type Status,
} from '../bots/wording.ts';
import { TesseraProblem } from '../client/problem.ts';
import type { FrontendClient } from '../client/frontend.ts';
import { ask, type Answer } from './answers.ts';
import { endButtons, keyboard, resultButtons, wayButtons, type Rows } from './keyboards.ts';
import { LIMITS, fileName, fit, type Media } from './media.ts';
import {
  editWords,
  fileIdOf,
  NO_PREVIEW,
  previewOf,
  quoted,
  sendMedia,
  type Body,
} from './messages.ts';
import { isGroup, readPlace, type Place } from './place.ts';

const GAP_PRIVATE_MS = 3_000;
/** About twenty changes a minute are let through in a group. */
const GAP_GROUP_MS = 5_000;
const PROMPT_MAX = 600;
/** Tries of which nobody knows the outcome: one result too many at the most. */
const TRIES_MAX = 2;

export interface SurfaceSeams {
  readonly bot: string;
  readonly api: Api;
  readonly client: FrontendClient;
  /** Whether there is a model that enlarges. */
  readonly canEnlarge: () => Promise<boolean>;
  /** The words of a voice note, which are a prompt. */
  readonly heard: (errand: Errand, place: Place, text: string) => Promise<void>;
}

/** What is noted with a job. */
interface TelegramNote {
  readonly message?: number | null;
  /** The group has become this one. */
  readonly chat?: string;
  readonly tries?: number;
  /** By output, what this bot may send again without its bytes. */
  readonly files?: Readonly<Record<string, string>>;
}

type Brought = Outcome | Dead;

export class TelegramSurface implements Surface {
  readonly bot: string;
  readonly #seams: SurfaceSeams;

  constructor(seams: SurfaceSeams) {
    this.#seams = seams;
    this.bot = seams.bot;
  }

  gapMs(chat: string): number {
    return isGroup(chat) ? GAP_GROUP_MS : GAP_PRIVATE_MS;
  }

  async status(errand: Errand, status: Status): Promise<Outcome> {
    const texts = this.#texts(errand);
    const { job, preview } = status;
    const said = `${statusText(texts, status)}\n${heldText(texts, job)}`;
    const body = quoted(job.prompt, said, LIMITS.textLength);
    const rows = wayButtons(texts, job);
    const media =
      preview === null || noteOf(errand).message === undefined ? null : previewOf(preview);
    const brought = await this.#show(errand, body, rows, media);
    // Nobody there, or no such message: the end will find that out, and say so.
    return brought.kind === 'dead' ? DONE : brought;
  }

  async activity(errand: Errand): Promise<Outcome> {
    const { modality } = errand.delivery.job;
    const { thread } = placeOf(errand);
    const action = modality === 'video' ? 'upload_video' : 'upload_photo';
    const answer = await ask(() =>
      this.#seams.api.sendChatAction(chatOf(errand), action, inThread(thread)),
    );
    return answer.kind === 'later' ? answer.outcome : DONE;
  }

  async bring(errand: Errand): Promise<Brought> {
    const texts = this.#texts(errand);
    const { job } = errand.delivery;
    if (job.state !== 'succeeded')
      return this.#show(
        errand,
        quoted(job.prompt, endedText(texts, job), LIMITS.textLength),
        endButtons(texts, job),
      );
    if (placeOf(errand).isVoice && job.modality === 'transcript')
      return this.#bringWords(errand, texts);
    const medias = await this.#fetch(errand);
    const rows = resultButtons(texts, job, await this.#seams.canEnlarge());
    if (medias === 'gone' || medias === 'large') {
      const said =
        medias === 'gone'
          ? texts.say('result-gone')
          : texts.say('result-nowhere', { size: sizeOf(texts, job.outputs[0]?.bytes ?? 0) });
      const words = `${said}\n${resultText(texts, job)}`;
      return this.#show(errand, quoted(job.prompt, words, LIMITS.textLength), rows);
    }
    const isAlbum = medias.length > 1;
    const body = quoted(
      job.prompt,
      resultText(texts, job),
      isAlbum ? LIMITS.textLength : LIMITS.captionLength,
    );
    if (!isAlbum) return this.#show(errand, body, rows, medias[0] ?? null, true);
    const sent = await this.#sendAlbum(errand, medias);
    return sent.kind === 'done' ? this.#show(errand, body, rows) : sent;
  }

  async #bringWords(errand: Errand, texts: Texts): Promise<Brought> {
    const { job } = errand.delivery;
    const response = await this.#seams.client.output(job.id, 0);
    const text = (await response.text()).trim();
    const { charged_millitokens: charged } = job.cost;
    const said =
      text === ''
        ? texts.say('heard-nothing', { cost: texts.tokens(charged ?? 0) })
        : texts.say('heard', { text: shownPrompt(text, PROMPT_MAX) });
    if (text !== '') await this.#seams.heard(errand, placeOf(errand), text);
    return this.#show(errand, { text: said, entities: [] }, []);
  }

  /** The bytes of all outputs, as Telegram takes them. */
  async #fetch({ delivery: { job } }: Errand): Promise<readonly Media[] | 'gone' | 'large'> {
    const medias: Media[] = [];
    for (const output of job.outputs.slice(0, LIMITS.albumMax)) {
      try {
        const response = await this.#seams.client.output(job.id, output.n);
        const media = await fit({
          bytes: Buffer.from(await response.arrayBuffer()),
          mediaType: output.media_type,
          name: fileName(job.id, output.n, output.media_type),
          ...{ width: output.width, height: output.height, seconds: output.seconds },
        });
        if (media === null) return 'large';
        medias.push(media);
      } catch (error) {
        const isGone = error instanceof TesseraProblem && [404, 410].includes(error.status);
        if (!isGone) throw error;
        return 'gone';
      }
    }
    return medias;
  }

  /** The message becomes this; there is one afterwards, or a reason why not. */
  async #show(
    errand: Errand,
    body: Body,
    rows: Rows,
    media: Media | null = null,
    isResult = false,
  ): Promise<Brought> {
    const { person } = errand.delivery;
    const idsFor = (meanings: readonly MeaningInput[]) =>
      this.#seams.client.actions(person, meanings);
    const markup = await keyboard(rows, idsFor);
    // With a message to change, bringing it again does no harm. So one is made first.
    if (noteOf(errand).message === undefined) {
      const first = await this.#send(errand, body, isResult ? NO_BUTTONS : markup);
      if (first !== null) return first;
      if (media === null && !isResult) return DONE;
    }
    const { message } = noteOf(errand);
    if (typeof message !== 'number') return this.#sendInstead(errand, body, markup, media);
    return this.#edit(errand, message, body, markup, media);
  }

  async #edit(
    errand: Errand,
    message: number,
    body: Body,
    markup: InlineKeyboardMarkup,
    media: Media | null,
  ): Promise<Brought> {
    const { api } = this.#seams;
    const chat = chatOf(errand);
    const answer = await ask<Message | true>(() =>
      media === null
        ? editWords(api, chat, message, body, markup)
        : api.editMessageMedia(chat, message, inputOf(errand, media, body), {
            reply_markup: markup,
          }),
    );
    switch (answer.kind) {
      case 'value':
        if (media !== null) await this.#remember(errand, media, answer.value);
        return DONE;
      case 'later':
        return answer.outcome;
      case 'unknown':
        return AGAIN;
      case 'refused':
        return this.#editRefused(errand, answer, body, markup, media);
    }
  }

  async #editRefused(
    errand: Errand,
    { because, description }: Answer<never> & { kind: 'refused' },
    body: Body,
    markup: InlineKeyboardMarkup,
    media: Media | null,
  ): Promise<Brought> {
    if (because.kind === 'same') return DONE;
    if (because.kind === 'nobody') return { kind: 'dead', reason: description };
    if (because.kind === 'moved') await errand.keep({ chat: String(because.to) });
    // What it refuses as a picture it takes as a file.
    if (because.kind === 'other' && media !== null && media.kind !== 'document') {
      const file: Media = { ...media, kind: 'document' };
      return this.#edit(errand, noteOf(errand).message!, body, markup, file);
    }
    if (because.kind === 'other') return { kind: 'dead', reason: description };
    await errand.keep({ message: null });
    return this.#sendInstead(errand, body, markup, media);
  }

  /** Null: there is a message now. */
  async #send(errand: Errand, body: Body, markup: InlineKeyboardMarkup): Promise<Brought | null> {
    const place = placeOf(errand);
    const answer = await ask(() =>
      this.#seams.api.sendMessage(chatOf(errand), body.text, {
        ...{ entities: body.entities, reply_markup: markup, link_preview_options: NO_PREVIEW },
        ...replyTo(place),
      }),
    );
    if (answer.kind === 'value') {
      await errand.keep({ message: answer.value.message_id });
      return null;
    }
    // Perhaps it is there. It tells of the way only, so another one does no harm, but is not needed either.
    if (answer.kind === 'unknown') return AGAIN;
    if (answer.kind === 'later') return answer.outcome;
    if (answer.because.kind === 'moved') {
      await errand.keep({ chat: String(answer.because.to) });
      return AGAIN;
    }
    return { kind: 'dead', reason: answer.description };
  }

  /** There is no message to change. */
  async #sendInstead(
    errand: Errand,
    body: Body,
    markup: InlineKeyboardMarkup,
    media: Media | null,
  ): Promise<Brought> {
    const { api } = this.#seams;
    const tried = await this.#noteTry(errand);
    if (tried !== null) return tried;
    const chat = chatOf(errand);
    const extra = { reply_markup: markup, ...replyTo(placeOf(errand)) };
    const answer = await ask<Message>(() => {
      if (media === null)
        return api.sendMessage(chat, body.text, { entities: body.entities, ...extra });
      const { media: file, type: _, ...input } = inputOf(errand, media, body);
      return sendMedia(api, chat, media.kind, file, { ...input, ...extra });
    });
    if (answer.kind === 'value' && media !== null)
      await this.#remember(errand, media, answer.value);
    return settled(answer);
  }

  async #sendAlbum(errand: Errand, medias: readonly Media[]): Promise<Brought> {
    const { tries = 0 } = noteOf(errand);
    const { album } = errand.note as { album?: true };
    if (album) return DONE;
    const tried = await this.#noteTry(errand, tries);
    if (tried !== null) return tried;
    const inputs = medias.map((media) => {
      const { caption: _, caption_entities: __, ...input } = inputOf(errand, media, NOTHING);
      return input;
    });
    const answer = await ask(() =>
      this.#seams.api.sendMediaGroup(chatOf(errand), inputs, replyTo(placeOf(errand))),
    );
    if (answer.kind === 'value') await errand.keep({ album: true });
    return settled(answer);
  }

  /** Null: there may be another try. */
  async #noteTry(errand: Errand, tries = noteOf(errand).tries ?? 0): Promise<Dead | null> {
    if (tries >= TRIES_MAX)
      return {
        kind: 'dead',
        reason: `Telegram did not say what became of ${TRIES_MAX} tries; it may have arrived.`,
      };
    await errand.keep({ tries: tries + 1 });
    return null;
  }

  async #remember(errand: Errand, media: Media, message: Message | true): Promise<void> {
    const id = message === true ? undefined : fileIdOf(message);
    const { files = {} } = noteOf(errand);
    if (id === undefined || errand.delivery.job.phase !== 'settled') return;
    await errand.keep({ files: { ...files, [`${media.kind} ${media.name}`]: id } });
  }

  #texts(errand: Errand): Texts {
    return textsFor(placeOf(errand).language);
  }
}

const NO_BUTTONS: InlineKeyboardMarkup = { inline_keyboard: [] };
const NOTHING: Body = { text: '', entities: [] };

function settled(answer: Answer<unknown>): Brought {
  if (answer.kind === 'value') return DONE;
  if (answer.kind === 'later') return answer.outcome;
  if (answer.kind === 'unknown') return AGAIN;
  return { kind: 'dead', reason: answer.description };
}

/** As a file id where this bot has sent it before. */
function inputOf(errand: Errand, media: Media, { text, entities }: Body) {
  const { files = {} } = noteOf(errand);
  const known = files[`${media.kind} ${media.name}`];
  const { width, height, seconds } = media;
  return {
    type: media.kind as 'photo',
    media: known ?? new InputFile(media.bytes, media.name),
    caption: text,
    caption_entities: entities,
    ...(media.kind === 'video' ? { width, height, duration: Math.round(seconds ?? 0) } : {}),
  };
}

const noteOf = ({ note }: Errand): TelegramNote => note;
const chatOf = (errand: Errand): string => noteOf(errand).chat ?? errand.delivery.chat;
const placeOf = ({ delivery }: Errand): Place => readPlace(readOrigin(delivery.job.origin)!);
const inThread = (thread: number | null) => (thread === null ? {} : { message_thread_id: thread });

const replyTo = ({ message, thread }: Place) => ({
  ...inThread(thread),
  ...(message === 0
    ? {}
    : { reply_parameters: { message_id: message, allow_sending_without_reply: true } }),
});
