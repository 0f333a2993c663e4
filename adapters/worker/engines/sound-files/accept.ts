// Is what a server sent the sound that was asked for? A status of 200 says nothing: servers send empty bodies,
// bare headers, half of a text and pages of HTML with it.
import { EngineFailure } from '../../../../machines/contract/engine.ts';
import { readFlac, withLength } from './flac.ts';
import { probeSound, type SoundFacts, type SoundFormat } from './probe.ts';
import { isSilent, readWav, writeWav } from './wav.ts';

export interface ExpectedSound {
  readonly format: SoundFormat;
  readonly secondsMin: number;
  readonly secondsMax: number;
}

export interface AcceptedSound {
  /** As it came; WAV and FLAC files say their true length. */
  readonly bytes: Uint8Array;
  readonly facts: SoundFacts;
}

/** Below this nothing was said, whatever was asked. */
const SECONDS_MIN = 0.1;

export function acceptSound(bytes: Uint8Array, expected: ExpectedSound): AcceptedSound {
  if (bytes.length === 0)
    throw new EngineFailure('outputMissing', 'The engine answered without any sound.');
  const facts = probeSound(bytes);
  if (facts === null)
    throw invalid(`The engine's answer is no sound file (${bytes.length} bytes).`);
  const { format, seconds } = facts;
  if (format !== expected.format) {
    throw invalid(
      `The engine was asked for ${expected.format} and sent ${format}. List in its settings only the formats that it can send.`,
    );
  }
  const secondsMin = Math.max(SECONDS_MIN, expected.secondsMin);
  if (seconds < secondsMin || seconds > expected.secondsMax) {
    throw invalid(
      `The sound lasts ${seconds.toFixed(2)} s, which cannot be all of it and no more: ${secondsMin.toFixed(2)} to ${expected.secondsMax.toFixed(0)} s were expected.`,
    );
  }
  if (format === 'flac') return { bytes: withLength(bytes, readFlac(bytes)!.samples), facts };
  if (format !== 'wav') return { bytes, facts };
  const wav = readWav(bytes)!;
  if (isSilent(wav)) throw invalid('The sound is silent from beginning to end.');
  return { bytes: writeWav(wav), facts };
}

const invalid = (sentence: string) => new EngineFailure('outputInvalid', sentence);
