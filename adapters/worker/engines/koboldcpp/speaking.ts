// Speech: one text, one file of sound.
import {
  EngineFailure,
  type EngineJob,
  type EngineOutput,
} from '../../../../machines/contract/engine.ts';
import { audioParams, type AudioParams } from '../../../../machines/contract/requests.ts';
import type { Piece } from './blocking.ts';
import { paramsOf } from './params.ts';
import type { SpeechModel } from './settings.ts';

export function speechOf(job: EngineJob, model: SpeechModel): Piece {
  const params = paramsOf(audioParams, job);
  const { voice = model.voices[0]!, format, speed, seed } = params;
  if (job.prompt.trim() === '') throw invalid('There is nothing to say: the prompt is empty.');
  if (job.prompt.length > model.charactersMax)
    throw invalid(`At most ${model.charactersMax} characters can be spoken at once.`);
  // Any other name would be hashed to a voice, or looked for among the server's files.
  if (!model.voices.includes(voice)) throw invalid(`There is no voice of this name.`);
  if (speed !== 1) throw invalid('The speed of this voice cannot be changed.');
  if (format !== 'wav' && format !== 'mp3')
    throw invalid('Speech comes as wav or mp3 from this model.');
  if (params.lyrics !== undefined || params.seconds !== undefined)
    throw invalid('Speech takes as long as its text, and has no lyrics.');
  return {
    path: '/api/extra/tts',
    body: {
      input: job.prompt,
      voice,
      ...(format === 'mp3' && { response_format: 'mp3' }),
      ...(seed !== undefined && { seed: seed % 2_147_483_648 }),
    },
  };
}

export function soundOf(bytes: Uint8Array, params: AudioParams, model: SpeechModel): EngineOutput {
  const facts = {
    voice: params.voice ?? model.voices[0]!,
    ...(params.seed !== undefined && { seed: params.seed }),
  };
  if (params.format === 'mp3') {
    const isMp3 = bytes.length > 400 && (isFrame(bytes) || startsWith(bytes, 'ID3'));
    if (!isMp3) throw noSound();
    return { mediaType: 'audio/mpeg', bytes, facts };
  }
  const seconds = secondsOfWav(bytes);
  if (seconds === null || seconds < SECONDS_MIN) throw noSound();
  return { mediaType: 'audio/wav', bytes, seconds, facts };
}

/** Less than this is a header with nothing behind it. */
const SECONDS_MIN = 0.05;

/** Null for what is no WAV file. */
export function secondsOfWav(bytes: Uint8Array): number | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 44 || !startsWith(bytes, 'RIFF')) return null;
  let bytesPerSecond = 0;
  for (let at = 12; at + 8 <= bytes.length;) {
    const name = String.fromCharCode(...bytes.subarray(at, at + 4));
    const size = view.getUint32(at + 4, true);
    if (name === 'fmt ' && at + 20 <= bytes.length) bytesPerSecond = view.getUint32(at + 16, true);
    // A size that was never filled in: what is there counts.
    if (name === 'data')
      return bytesPerSecond === 0 ? null : Math.min(size, bytes.length - at - 8) / bytesPerSecond;
    at += 8 + size + (size % 2);
  }
  return null;
}

const startsWith = (bytes: Uint8Array, mark: string) =>
  [...mark].every((letter, index) => bytes[index] === letter.charCodeAt(0));
const isFrame = (bytes: Uint8Array) => bytes[0] === 0xff && (bytes[1]! & 0xe0) === 0xe0;
const invalid = (sentence: string) => new EngineFailure('invalidInput', sentence);
const noSound = () => new EngineFailure('outputInvalid', 'KoboldCPP answered without sound.');
