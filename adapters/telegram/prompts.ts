// From a message to a job: words are a prompt, a photo with words is where it starts, a voice note is heard first.
import type { Message } from 'grammy/types';
import type { JobRequestInput } from '../../machines/contract/requests.ts';
import type { JobView } from '../../machines/contract/views.ts';
import { modelFromImage, requestEdited, requestFor } from '../bots/requests.ts';
import { TesseraProblem } from '../client/problem.ts';
import { isPassing } from '../bots/teller.ts';
import type { Desk, Visitor } from './desk.ts';
import { LIMITS } from './media.ts';
import { refusalText } from './refusals.ts';

const PROMPT_MAX = 8_000;
const MEGABYTE = 1024 * 1024;

/** Everything here may be done again for the same update: the job is the same one. */
export class Prompts {
  readonly #desk: Desk;
  readonly #download: (fileId: string) => Promise<Uint8Array<ArrayBuffer>>;

  constructor(desk: Desk, download: (fileId: string) => Promise<Uint8Array<ArrayBuffer>>) {
    this.#desk = desk;
    this.#download = download;
  }

  async words(visitor: Visitor, prompt: string, wish: string): Promise<void> {
    const request = await this.#request(visitor, prompt);
    if (request) await this.place(visitor, request, wish);
  }

  /** Words in reply to a result: the same, with these words. */
  async editedWords(visitor: Visitor, job: JobView, prompt: string, wish: string): Promise<void> {
    if (this.#isTooLong(visitor, prompt)) return;
    await this.place(visitor, requestEdited(job, prompt), wish);
  }

  async photo(visitor: Visitor, message: Message, prompt: string, wish: string): Promise<void> {
    const { texts, person } = visitor;
    const model = modelFromImage(this.#desk.persona, await this.#desk.models());
    if (model === null) return this.#desk.say(visitor, texts.say('refused-no-image-model'));
    const photo = message.photo?.at(-1) ?? message.document;
    const image = await this.#upload(visitor, photo, 'image/jpeg');
    if (image === null) return;
    const chosen = await this.#desk.chosen(person);
    const request = requestFor(this.#desk.persona, chosen, { prompt, image, model: model.id });
    await this.place(visitor, request, wish);
  }

  async voice(visitor: Visitor, message: Message, wish: string): Promise<void> {
    const { texts } = visitor;
    if (!this.#desk.persona.hears) return this.#desk.say(visitor, texts.say('refused-hears-not'));
    const canHear = (await this.#desk.models()).some(
      ({ modality, status }) => modality === 'transcript' && status !== 'offline',
    );
    if (!canHear) return this.#desk.say(visitor, texts.say('refused-hears-now'));
    const blob = await this.#upload(
      visitor,
      message.voice,
      message.voice?.mime_type ?? 'audio/ogg',
    );
    if (blob === null) return;
    const inputs = [{ blob, role: 'audio' }];
    const heard = { ...visitor, place: { ...visitor.place, isVoice: true } };
    await this.place(heard, { modality: 'transcript', inputs }, wish);
  }

  /** Null when it was refused, which the person has been told. */
  async place(
    visitor: Visitor,
    request: Omit<JobRequestInput, 'origin'>,
    wish: string,
  ): Promise<JobView | null> {
    try {
      return await this.#desk.order(visitor, request, wish);
    } catch (error) {
      if (!(error instanceof TesseraProblem) || isAway(error)) throw error;
      const { tessera, now } = this.#desk.seams;
      const seams = { tessera: tessera.actingFor(visitor.person), request, now: now() };
      this.#desk.say(visitor, await refusalText(visitor.texts, error, seams));
      return null;
    }
  }

  async #request(visitor: Visitor, prompt: string) {
    const { texts, person } = visitor;
    const { persona } = this.#desk;
    if (prompt === '') {
      const command = persona.modality === 'image' ? 'imagine' : 'video';
      const example = texts.say(`example-${persona.modality}`);
      this.#desk.say(visitor, texts.say('refused-empty', { command, example }));
      return null;
    }
    if (this.#isTooLong(visitor, prompt)) return null;
    return requestFor(persona, await this.#desk.chosen(person), { prompt });
  }

  #isTooLong(visitor: Visitor, prompt: string): boolean {
    if (prompt.length <= PROMPT_MAX) return false;
    this.#desk.say(visitor, visitor.texts.say('refused-too-long', { max: PROMPT_MAX }));
    return true;
  }

  /** Null when it is too large, which the person has been told. */
  async #upload(
    visitor: Visitor,
    file: { file_id: string; file_size?: number } | undefined,
    mediaType: string,
  ): Promise<string | null> {
    if (file === undefined || (file.file_size ?? 0) > LIMITS.downloadBytes) {
      const max = LIMITS.downloadBytes / MEGABYTE;
      this.#desk.say(visitor, visitor.texts.say('refused-file-large', { max }));
      return null;
    }
    const bytes = await this.#download(file.file_id);
    const tessera = this.#desk.seams.tessera.actingFor(visitor.person);
    return (await tessera.uploadBlob(bytes, mediaType)).id;
  }
}

/** The control plane is away, which is no refusal: a full line (429) says so with a code of its own. */
export const isAway = (problem: TesseraProblem): boolean =>
  isPassing(problem) && !['queue_full', 'too_many_jobs', 'rate_limited'].includes(problem.code);
