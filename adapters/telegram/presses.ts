// What happens when a button is pressed. Its meaning is asked for, so that it works after any restart and any year; and
// the press is answered at once, for until then the button turns.
import { InputFile } from 'grammy';
import type { CallbackQuery } from 'grammy/types';
import type { DeliveryView } from '../../machines/contract/frontend-views.ts';
import { AGAIN, DONE } from '../bots/governor.ts';
import { readMeaning, type Meaning } from '../bots/meanings.ts';
import { modelThatEnlarges, requestAgain } from '../bots/requests.ts';
import { seedOf, shownPrompt, sizeOf } from '../bots/wording.ts';
import type { FrontendClient } from '../client/frontend.ts';
import { TesseraProblem } from '../client/problem.ts';
import { ask } from './answers.ts';
import type { Desk, Visitor } from './desk.ts';
import { asFile, fileName } from './media.ts';
import type { Prompts } from './prompts.ts';
import { settingsMenu } from './settings.ts';

const TOAST_MAX = 200;

export class Presses {
  readonly #desk: Desk;
  readonly #prompts: Prompts;

  constructor(desk: Desk, prompts: Prompts) {
    this.#desk = desk;
    this.#prompts = prompts;
  }

  async pressed(query: CallbackQuery, visitor: Visitor, wish: string): Promise<void> {
    const found = await this.#meaningOf(query, visitor);
    if (found === null) return this.#toast(query, visitor.texts.say('pressed-unknown'), true);
    const { meaning, mine } = found;
    if (meaning.do === 'set' || meaning.do === 'choose')
      return this.#setting(query, visitor, meaning, mine);
    const delivery = await this.#delivery(meaning.job);
    if (delivery === null) return this.#toast(query, visitor.texts.say('pressed-unknown'), true);
    await this.#onJob(query, visitor, { meaning, mine, delivery, wish });
  }

  async #onJob(
    query: CallbackQuery,
    visitor: Visitor,
    pressed: {
      readonly meaning: Exclude<Meaning, { do: 'set' | 'choose' }>;
      readonly mine: boolean;
      readonly delivery: DeliveryView;
      readonly wish: string;
    },
  ): Promise<void> {
    const { meaning, mine, delivery, wish } = pressed;
    const { texts } = visitor;
    const { job } = delivery;
    switch (meaning.do) {
      case 'cancel':
        if (!mine) return this.#toast(query, texts.say('pressed-not-yours'), true);
        return this.#cancel(query, visitor, delivery);
      case 'again':
      case 'vary': {
        this.#toast(query, texts.say('pressed-taken'));
        const count = meaning.do === 'vary' ? 1 : job.count;
        await this.#prompts.place(visitor, { ...requestAgain(job), count }, wish);
        return;
      }
      case 'upscale':
        return this.#upscale(query, visitor, delivery, meaning.n, wish);
      case 'edit': {
        this.#toast(query);
        const said = `${texts.say('edit-ask', { job: job.id })}\n`;
        const prompt = shownPrompt(job.prompt, 3_000);
        const entity = { type: 'code' as const, offset: said.length, length: prompt.length };
        const reply = { force_reply: true as const, selective: true };
        return this.#desk.say(visitor, said + prompt, reply, prompt === '' ? [] : [entity]);
      }
      case 'seed': {
        const seed = seedOf(job, meaning.n);
        if (seed !== null) await this.#desk.choose(visitor.person, { seed: Number(seed) });
        return this.#toast(query, texts.say('seed-used', { seed: seed ?? '' }), true);
      }
      case 'file':
        this.#toast(query, texts.say('pressed-file'));
        return this.#sendFile(visitor, delivery, meaning.n);
    }
  }

  async #cancel(query: CallbackQuery, { texts }: Visitor, delivery: DeliveryView): Promise<void> {
    const tessera = this.#desk.seams.tessera.actingFor(delivery.person);
    const { state } = await tessera.cancelJob(delivery.job.id);
    const isCancelled = state === 'cancelled' || state === 'running' || state === 'queued';
    this.#toast(query, texts.say(isCancelled ? 'pressed-cancelled' : 'pressed-too-late'));
  }

  async #upscale(
    query: CallbackQuery,
    visitor: Visitor,
    { job }: DeliveryView,
    n: number,
    wish: string,
  ): Promise<void> {
    const { client, tessera } = this.#desk.seams;
    const model = modelThatEnlarges(await this.#desk.models());
    if (model === null) return this.#toast(query, visitor.texts.say('upscale-none'), true);
    const response = await client.output(job.id, n);
    const bytes = new Uint8Array(await response.arrayBuffer());
    const type = job.outputs[n]?.media_type ?? 'image/png';
    const { id } = await tessera.actingFor(visitor.person).uploadBlob(bytes, type);
    this.#toast(query, visitor.texts.say('pressed-taken'));
    const params = { scale: model.scales[0] };
    const inputs = [{ blob: id }];
    await this.#prompts.place(
      visitor,
      { modality: 'image', model: model.id, params, inputs },
      wish,
    );
  }

  /** Once sent, it is sent again by its id, without its bytes. */
  #sendFile(visitor: Visitor, delivery: DeliveryView, n: number): void {
    const { client, governor, api } = this.#desk.seams;
    const { job } = delivery;
    const name = `asked ${n}`;
    const known = (delivery.note['files'] as Record<string, string> | undefined)?.[name];
    let tries = 0;
    governor.offer({
      ...{
        key: `file ${job.id} ${n} ${visitor.place.message}`,
        chat: visitor.chat,
        lane: 'answer',
      },
      send: async () => {
        tries += 1;
        const file = known ?? (await this.#fileOf(visitor, client, delivery, n));
        if (file === null) return DONE;
        const answer = await ask(() =>
          api.sendDocument(visitor.chat, file, {
            ...{ caption: job.id, disable_content_type_detection: true },
            ...(visitor.place.thread === null ? {} : { message_thread_id: visitor.place.thread }),
            reply_parameters: {
              message_id: visitor.place.message,
              allow_sending_without_reply: true,
            },
          }),
        );
        if (answer.kind === 'value')
          await this.#rememberFile(job.id, name, answer.value.document.file_id);
        if (answer.kind === 'later') return answer.outcome;
        return answer.kind === 'unknown' && tries < 2 ? AGAIN : DONE;
      },
    });
  }

  async #fileOf(
    visitor: Visitor,
    client: FrontendClient,
    { job }: DeliveryView,
    n: number,
  ): Promise<InputFile | null> {
    const { texts } = visitor;
    const output = job.outputs[n];
    try {
      if (output === undefined) throw gone();
      const response = await client.output(job.id, n);
      const media = asFile({
        bytes: Buffer.from(await response.arrayBuffer()),
        mediaType: output.media_type,
        name: fileName(job.id, n, output.media_type),
      });
      if (media !== null) return new InputFile(media.bytes, media.name);
      this.#desk.say(visitor, texts.say('result-nowhere', { size: sizeOf(texts, output.bytes) }));
    } catch (error) {
      if (!(error instanceof TesseraProblem) || error.status !== 404) throw error;
      this.#desk.say(visitor, texts.say('result-gone'));
    }
    return null;
  }

  async #rememberFile(jobId: string, name: string, fileId: string): Promise<void> {
    const { client } = this.#desk.seams;
    const { note } = await client.delivery(jobId);
    const files = { ...(note['files'] as object | undefined), [name]: fileId };
    await client.changeDelivery(jobId, { note: { ...note, files } });
  }

  async #setting(
    query: CallbackQuery,
    visitor: Visitor,
    meaning: Extract<Meaning, { do: 'set' | 'choose' }>,
    mine: boolean,
  ): Promise<void> {
    if (!mine) return this.#toast(query, visitor.texts.say('pressed-not-yours'), true);
    if (meaning.do === 'set') {
      const { name, value } = meaning;
      if (name === 'language') await this.#desk.setLanguage(visitor.person, value as string | null);
      else await this.#desk.choose(visitor.person, { [name]: value });
    }
    this.#toast(query);
    const { from, message } = query;
    if (message === undefined) return;
    const now = await this.#desk.visitor(from, message.chat.id, message.message_id);
    const shown =
      meaning.do === 'choose' ? meaning.name : meaning.name === 'language' ? 'language' : '';
    const menu = await settingsMenu(this.#desk, now, shown);
    const markup = await this.#desk.keyboard(now.person, menu.rows);
    this.#desk.seams.governor.offer({
      ...{ key: `menu ${message.chat.id} ${message.message_id}`, chat: now.chat, lane: 'answer' },
      send: async () => {
        const answer = await ask(() =>
          this.#desk.seams.api.editMessageText(message.chat.id, message.message_id, menu.text, {
            reply_markup: markup,
          }),
        );
        return answer.kind === 'later' ? answer.outcome : DONE;
      },
    });
  }

  async #meaningOf({ data = '' }: CallbackQuery, { person }: Visitor) {
    try {
      const { meaning, mine } = await this.#desk.seams.client.action(data, person);
      const read = readMeaning(meaning);
      return read && { meaning: read, mine };
    } catch (error) {
      if (error instanceof TesseraProblem && error.status === 404) return null;
      throw error;
    }
  }

  async #delivery(job: string): Promise<DeliveryView | null> {
    try {
      return await this.#desk.seams.client.delivery(job);
    } catch (error) {
      if (error instanceof TesseraProblem && error.status === 404) return null;
      throw error;
    }
  }

  /** Not held up by anything, and of no use when it is late. */
  #toast({ id }: CallbackQuery, text = '', isAlert = false): void {
    const { api } = this.#desk.seams;
    const more = text === '' ? {} : { text: text.slice(0, TOAST_MAX), show_alert: isAlert };
    void ask(() => api.answerCallbackQuery(id, more)).catch(() => undefined);
  }
}

const gone = () =>
  new TesseraProblem({ type: '', title: '', status: 404, code: 'not_found', detail: 'gone' });
