// What a job's recording is to the engine: sound we can cut, or a file that only the server can read.
import { EngineFailure } from '../../../../../machines/contract/engine.ts';
import { convert } from './convert.ts';
import { kindOf, type AudioKind } from './kinds.ts';
import { openWav, type Pcm } from './pcm.ts';
import { soundOf, WHISPER_RATE, type Sound } from './resample.ts';

export type Recording =
  | { readonly type: 'sound'; readonly sound: Sound; readonly seconds: number }
  | { readonly type: 'file'; readonly bytes: Uint8Array; readonly kind: AudioKind };

export interface RecordingLimits {
  readonly secondsMax: number;
  readonly hasFfmpeg: boolean;
}

export async function openRecording(
  bytes: Uint8Array,
  { secondsMax, hasFfmpeg }: RecordingLimits,
  signal: AbortSignal,
): Promise<Recording> {
  const kind = kindOf(bytes);
  if (kind === null)
    throw new EngineFailure(
      'invalidInput',
      'This is no recording of a known kind. Send WAV, MP3, FLAC, Ogg, M4A or WebM.',
    );
  const wav = kind.demuxer === 'wav' ? openWav(bytes) : null;
  if (wav) return measured(wav, secondsMax);
  if (hasFfmpeg) return measured(await convert(bytes, kind, secondsMax, signal), secondsMax);
  return { type: 'file', bytes, kind };
}

function measured(pcm: Pcm, secondsMax: number): Recording {
  const sound = soundOf(pcm);
  const seconds = sound.length / WHISPER_RATE;
  if (seconds > secondsMax)
    throw new EngineFailure(
      'invalidInput',
      `The recording is longer than the ${secondsMax} seconds that are allowed.`,
    );
  return { type: 'sound', sound, seconds };
}
