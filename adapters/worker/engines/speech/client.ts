// The one call that all these servers share: a text in, a file of sound out.
import { EngineFailure } from '../../../../machines/contract/engine.ts';
import type { Caller } from '../http-call.ts';
import { acceptSound, type AcceptedSound } from '../sound-files/accept.ts';
import type { SoundFormat } from '../sound-files/probe.ts';
import { wrapPcm } from '../sound-files/wav.ts';
import { FLAVOURS, type Flavour } from './flavours.ts';
import type { SpeechModel, SpeechSettings } from './settings.ts';
import { spokenCharacters } from './text-parts.ts';

export interface Sentence {
  readonly text: string;
  readonly format: SoundFormat;
  readonly speed: number;
  readonly voice: string | undefined;
  readonly seed: number | undefined;
}

/** Nobody speaks more letters in a second: a shorter sound has lost some of its text. */
const CHARACTERS_PER_SECOND_MAX = 50;
/** Figures take long to say, and some voices fall asleep; a longer sound is noise without end. */
const SECONDS_PER_CHARACTER_MAX = 2;
const SECONDS_SPARE = 10;

export async function speak(
  caller: Caller,
  settings: SpeechSettings,
  model: SpeechModel,
  { text, format, speed, voice, seed }: Sentence,
  { signal, timeoutMs }: { readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<AcceptedSound> {
  const flavour: Flavour = FLAVOURS[settings.flavour];
  const isRaw = format === 'wav' && model.wavFromPcm;
  const call = {
    body: {
      model: model.model,
      input: text,
      ...(voice !== undefined && { voice }),
      response_format: isRaw ? 'pcm' : format,
      speed,
      // Streamed, an error has no place any more: the answer just ends.
      ...(flavour.takesStream && { stream: false }),
      ...(flavour.takesSeed && seed !== undefined && { seed }),
    },
    signal,
    timeoutMs,
    secret: text,
  };
  const answer = await caller.post('/v1/audio/speech', call).catch((error: unknown) => {
    throw isStumble(error) ? stumbled(error) : error;
  });
  const characters = spokenCharacters(text);
  return acceptSound(isRaw ? wrap(answer.bytes, answer.contentType, model) : answer.bytes, {
    format,
    secondsMin: characters / (CHARACTERS_PER_SECOND_MAX * Math.max(1, speed)),
    secondsMax: SECONDS_SPARE + (characters * SECONDS_PER_CHARACTER_MAX) / Math.min(1, speed),
  });
}

/**
 * Kokoro blames the text for whatever goes wrong while it speaks, running out of memory among it. A text without
 * letters never gets here, so the same may succeed elsewhere.
 */
const isStumble = (error: unknown) =>
  error instanceof EngineFailure && /no speakable text/i.test(error.message);
const stumbled = (cause: unknown) =>
  new EngineFailure('engineError', 'The engine could not speak a part of the text.', { cause });

/** `audio/pcm;rate=22050` where a server says so, else what its operator knows. */
function wrap(samples: Uint8Array, contentType: string, model: SpeechModel): Uint8Array {
  if (samples.length === 0) return samples;
  const said = /rate=(\d{4,6})/.exec(contentType)?.[1];
  return wrapPcm(samples, said === undefined ? model.pcmRate : Number(said));
}
