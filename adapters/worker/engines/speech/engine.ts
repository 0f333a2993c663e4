// Speech by any server that speaks the OpenAI call. A text is spoken part by part, each checked before the next is
// asked for; nothing is kept on the server, so a broken line means that its part is lost.
import {
  EngineFailure,
  type Engine,
  type EngineOutput,
  type EngineUpdate,
} from '../../../../machines/contract/engine.ts';
import type { ModelOffer } from '../../../../machines/contract/models.ts';
import { systemSeams, type Seams } from '../../seams.ts';
import { createCaller, type Caller } from '../http-call.ts';
import { failureOf } from '../engine-answers.ts';
import { LoadedModels } from '../loaded-models.ts';
import { withEstimate } from '../progress-estimate.ts';
import type { AcceptedSound } from '../sound-files/accept.ts';
import { joinMp3s } from '../sound-files/mp3.ts';
import { MEDIA_TYPES, probeSound, type SoundFormat } from '../sound-files/probe.ts';
import { joinWavs } from '../sound-files/wav.ts';
import { speak } from './client.ts';
import { FLAVOURS, type Flavour } from './flavours.ts';
import type { SpeechModel, SpeechSettings } from './settings.ts';
import { createVoices } from './voices.ts';
import { formatsOf, readWish, type SpeechWish } from './wish.ts';

type SpeechSeams = Pick<Seams, 'timers'>;
type Report = (update: EngineUpdate) => void;

const WARM_UP = 'Ready.';

export function createSpeechEngine(
  settings: SpeechSettings,
  { timers }: SpeechSeams = systemSeams,
): Engine {
  const flavour: Flavour = FLAVOURS[settings.flavour];
  const { url, apiKey, resultBytesMax: bytesMax, partTimeoutMs } = settings;
  const caller = createCaller({ url, apiKey, bytesMax, timers });
  const voices = createVoices(settings, caller);
  const loaded = new LoadedModels(settings.models, 'speech server', timers);
  const closing = new AbortController();

  const warmUp = async (model: SpeechModel, signal: AbortSignal) => {
    const voice = model.voice ?? (await voices.of(model))[0];
    const [format = 'wav'] = formatsOf(model, settings.flavour);
    const sentence = { text: WARM_UP, format, speed: 1, voice, seed: undefined };
    await speak(caller, settings, model, sentence, { signal, timeoutMs: partTimeoutMs });
  };

  const offerOf = async (model: SpeechModel): Promise<ModelOffer> => {
    const { id, name, description, vramBytes, loadMs, runMs, charactersMax } = model;
    return {
      ...{ id, name, engine: settings.name, modality: 'audio', description, vramBytes, loadMs },
      runMs,
      limits: { charactersMax, countMax: 1 },
      styles: [],
      voices: [...(await voices.refresh(model))],
      formats: [...formatsOf(model, settings.flavour)],
    };
  };

  return {
    name: settings.name,
    concurrency: 1,
    probe: async () => {
      await caller.get(flavour.healthPath, { signal: closing.signal });
    },
    models: () => Promise.all(settings.models.map(offerOf)),
    load: (id, signal) =>
      loaded.load(id, async (model) => {
        const until = AbortSignal.any([signal, closing.signal]);
        try {
          await warmUp(model, until);
        } catch (error) {
          if (flavour.wakePath === undefined || !isAsleep(error)) throw error;
          await caller.post(flavour.wakePath, { signal: until, timeoutMs: partTimeoutMs });
          await warmUp(model, until);
        }
      }),
    unload: (id) => loaded.unload(id, (model) => release(caller, flavour, model)),
    run: async (job, report, signal) => {
      const model = loaded.forJob(job);
      signal.throwIfAborted();
      const wish = readWish(job, model, settings.flavour, await voices.of(model));
      report({ type: 'started' });
      const until = AbortSignal.any([signal, closing.signal]);
      const sounds = await speakAll(model, wish, report, until);
      return [outputOf(model, wish, sounds)];
    },
    close: async () =>
      closing.abort(new EngineFailure('engineUnreachable', 'The engine was closed.')),
  };

  async function speakAll(
    model: SpeechModel,
    { parts, ...how }: SpeechWish,
    report: Report,
    signal: AbortSignal,
  ): Promise<readonly AcceptedSound[]> {
    const sounds: AcceptedSound[] = [];
    const characters = parts.reduce((sum, part) => sum + part.length, 0);
    let spoken = 0;
    for (const [index, text] of parts.entries()) {
      // One long request counts as the parts that it would have been.
      const pieces = Math.ceil(text.length / model.partCharactersMax);
      const limits = { signal, timeoutMs: partTimeoutMs * pieces };
      const making = speak(caller, settings, model, { text, ...how }, limits);
      const tell = (fraction: number) =>
        report({ type: 'progress', fraction: (spoken + fraction * text.length) / characters });
      sounds.push(await withEstimate(making, model.runMs * pieces, timers, tell));
      spoken += text.length;
      const [step, steps] = [index + 1, parts.length];
      report({ type: 'progress', fraction: spoken / characters, step, steps });
    }
    return sounds;
  }
}

/** @returns whether the server lets models go at all; one that fails to is an error */
async function release(caller: Caller, flavour: Flavour, model: SpeechModel): Promise<boolean> {
  if (flavour.unload === null) return false;
  const { method, path, body } = flavour.unload(model.model);
  const answer = await caller.ask(method, path, { body });
  const isFree = answer.status < 300 || answer.status === 404;
  // Kokoro refuses unless ALLOW_DEV_UNLOAD=true.
  if (!isFree && !(answer.status === 403 && model.vramBytes === 0)) throw failureOf(answer);
  return isFree;
}

function outputOf(
  model: SpeechModel,
  { parts, format, speed, voice }: SpeechWish,
  sounds: readonly AcceptedSound[],
): EngineOutput {
  const bytes = join(
    format,
    sounds.map((sound) => sound.bytes),
  );
  const facts = bytes && probeSound(bytes);
  if (!facts)
    throw new EngineFailure('outputInvalid', `${model.name} sent parts of different kinds.`);
  return {
    mediaType: MEDIA_TYPES[format],
    bytes,
    seconds: facts.seconds,
    facts: {
      format,
      speed,
      ...(voice !== undefined && { voice }),
      parts: parts.length,
    },
  };
}

function join(format: SoundFormat, files: readonly Uint8Array[]): Uint8Array | null {
  if (files.length === 1) return files[0]!;
  return format === 'wav' ? joinWavs(files) : joinMp3s(files);
}

const isAsleep = (error: unknown) =>
  error instanceof EngineFailure && error.code === 'engineError' && error.message.includes('503');
