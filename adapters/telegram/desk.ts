// What one bot has at hand while it answers people: the control plane, its texts, and a way to say something. A person is
// `telegram:<id>`; everything is asked for in their name.
import type { Api } from 'grammy';
import type { InlineKeyboardMarkup, User } from 'grammy/types';
import type { JobRequestInput } from '../../machines/contract/requests.ts';
import type { JobView, ModelView } from '../../machines/contract/views.ts';
import { writeOrigin } from '../../machines/contract/frontend-views.ts';
import { AGAIN, DONE, type Governor } from '../bots/governor.ts';
import type { MeaningInput } from '../bots/meanings.ts';
import type { Persona } from '../bots/persona.ts';
import { readChosen, type Chosen } from '../bots/requests.ts';
import { textsFor, type Texts } from '../bots/texts/texts.ts';
import type { FrontendClient } from '../client/frontend.ts';
import type { TesseraClient } from '../client/http.ts';
import { TesseraProblem } from '../client/problem.ts';
import { ask } from './answers.ts';
import { keyboard, type Rows } from './keyboards.ts';
import { writePlace, type Place } from './place.ts';

const CATALOGUE_MS = 30_000;
/** Which document of a person's says how they are spoken to, on every surface. */
const PERSON = 'person';

export interface DeskSeams {
  readonly persona: Persona;
  readonly api: Api;
  readonly username: string;
  readonly tessera: TesseraClient;
  readonly client: FrontendClient;
  readonly governor: Governor;
  readonly now: () => number;
  /** A job of ours begins: its first word need not wait for the stream. */
  readonly follow: (job: JobView) => Promise<void>;
}

/** Who writes, and where. */
export interface Visitor {
  readonly person: string;
  readonly chat: string;
  readonly texts: Texts;
  readonly place: Place;
}

export class Desk {
  readonly persona: Persona;
  readonly seams: DeskSeams;
  #models: { readonly at: number; readonly list: readonly ModelView[] } | null = null;
  #said = 0;

  constructor(seams: DeskSeams) {
    this.seams = seams;
    this.persona = seams.persona;
  }

  async visitor(
    { id, language_code: code }: User,
    chat: number,
    message: number,
    thread: number | null = null,
  ): Promise<Visitor> {
    const person = `telegram:${id}`;
    const { language } = await this.seams.client.preferences(person, PERSON);
    const texts = textsFor(typeof language === 'string' ? language : code);
    const place = { message, language: texts.language, thread, isVoice: false };
    return { person, chat: String(chat), texts, place };
  }

  async setLanguage(person: string, language: string | null): Promise<void> {
    const before = await this.seams.client.preferences(person, PERSON);
    await this.seams.client.setPreferences(person, PERSON, { ...before, language });
  }

  async chosen(person: string): Promise<Chosen> {
    return readChosen(await this.seams.client.preferences(person, this.persona.bot));
  }

  async choose(person: string, change: Readonly<Record<string, unknown>>): Promise<Chosen> {
    const chosen = { ...(await this.chosen(person)), ...change };
    const value = Object.fromEntries(Object.entries(chosen).filter(([, each]) => each !== null));
    await this.seams.client.setPreferences(person, this.persona.bot, value);
    return readChosen(value);
  }

  /** The catalogue, at most half a minute old. */
  async models(): Promise<readonly ModelView[]> {
    const now = this.seams.now();
    if (this.#models !== null && now - this.#models.at < CATALOGUE_MS) return this.#models.list;
    const { data } = await this.seams.tessera.models();
    this.#models = { at: now, list: data };
    return data;
  }

  /**
   * Asks for a job. The key is made of the update, so that an update that comes ten times is one job.
   * @returns null when it was refused, which the person has been told
   */
  async order(
    visitor: Visitor,
    request: Omit<JobRequestInput, 'origin'>,
    wish: string,
  ): Promise<JobView | null> {
    const { person, chat, place } = visitor;
    const { bot } = this.persona;
    const origin = writeOrigin({ bot, chat, message: writePlace(place) });
    try {
      const job = await this.seams.tessera
        .actingFor(person)
        .createJob({ ...request, origin }, { idempotencyKey: `${bot}:${wish}` });
      await this.seams.follow(job);
      return job;
    } catch (error) {
      if (!(error instanceof TesseraProblem)) throw error;
      // It was asked for before, when something was chosen otherwise: that job is under way.
      if (error.code === 'idempotency_conflict') return null;
      throw error;
    }
  }

  async keyboard(person: string, rows: Rows): Promise<InlineKeyboardMarkup> {
    return keyboard(rows, (meanings: readonly MeaningInput[]) =>
      this.seams.client.actions(person, meanings),
    );
  }

  /** Leaves when there is room. One that nobody knows about is said once more at most. */
  say(
    { chat, place }: Visitor,
    text: string,
    markup?: InlineKeyboardMarkup | { force_reply: true; selective: boolean },
    entities: { type: 'code'; offset: number; length: number }[] = [],
  ): void {
    let tries = 0;
    this.seams.governor.offer({
      ...{ key: `said ${++this.#said}`, chat, lane: 'answer' },
      send: async () => {
        tries += 1;
        const answer = await ask(() =>
          this.seams.api.sendMessage(chat, text, {
            ...{ entities, link_preview_options: { is_disabled: true } },
            ...(markup === undefined ? {} : { reply_markup: markup }),
            ...(place.thread === null ? {} : { message_thread_id: place.thread }),
            reply_parameters: { message_id: place.message, allow_sending_without_reply: true },
          }),
        );
        if (answer.kind === 'later') return answer.outcome;
        return answer.kind === 'unknown' && tries < 2 ? AGAIN : DONE;
      },
    });
  }
}
