// One recording from its first piece to its last: each is asked about in turn, and told as soon as it is known.
import { setImmediate as breathe } from 'node:timers/promises';
import {
  EngineFailure,
  type EngineJob,
  type EngineUpdate,
} from '../../../../machines/contract/engine.ts';
import { isSilent, piecesOf, wavOf } from './audio/pieces.ts';
import type { Recording } from './audio/recording.ts';
import { WHISPER_RATE, type Sound } from './audio/resample.ts';
import type { Dialect, Question } from './dialect.ts';
import type { WhisperModel, WhisperSettings } from './settings.ts';
import { append, type Transcript } from './transcript.ts';
import type { Wish } from './wish.ts';

const SAFE_LENGTHS = { secondsMin: 15, secondsMax: 30 };
/** A minute of the thriftiest speech codecs: how long a file may take that only the server can read. */
const MINUTE_BYTES_MIN = 120_000;

export interface Work {
  readonly dialect: Dialect;
  readonly settings: WhisperSettings;
  readonly model: WhisperModel;
  readonly job: EngineJob;
  readonly wish: Wish;
  readonly recording: Recording;
  readonly report: (update: EngineUpdate) => void;
  readonly signal: AbortSignal;
}

type Part = Pick<Question, 'bytes' | 'fileName' | 'mediaType' | 'seconds'>;

export async function listen(work: Work): Promise<Transcript> {
  const { recording, wish } = work;
  const nothing: Transcript = {
    task: wish.task,
    language: wish.language,
    seconds: 0,
    text: '',
    segments: [],
  };
  return recording.type === 'file'
    ? hearFile(work, recording, nothing)
    : hearPieces(work, recording.sound, { ...nothing, seconds: recording.seconds });
}

async function hearFile(
  work: Work,
  { bytes, kind }: Extract<Recording, { type: 'file' }>,
  nothing: Transcript,
): Promise<Transcript> {
  const { dialect, settings, report, signal } = work;
  const minutes = 1 + Math.floor(bytes.byteLength / MINUTE_BYTES_MIN);
  const fileName = `recording.${kind.extension}`;
  const part = { bytes, fileName, mediaType: kind.mediaType, seconds: null };
  const answer = await dialect.ask(questionOf(work, nothing, part, minutes), signal);
  if (answer.seconds > settings.secondsMax)
    throw new EngineFailure(
      'invalidInput',
      `The recording is longer than ${settings.secondsMax} s.`,
    );
  const { whole, added } = append({ ...nothing, seconds: answer.seconds }, answer, 0);
  if (added !== '') report({ type: 'text', index: 0, text: added });
  return whole;
}

async function hearPieces(work: Work, sound: Sound, nothing: Transcript): Promise<Transcript> {
  const { dialect, job, report, signal } = work;
  let whole = nothing;
  let told = 0;
  for (const { from, samples } of piecesOf(sound, job.isSafe ? SAFE_LENGTHS : undefined)) {
    // Cutting takes a tenth of a second; the agent's heartbeat must come through.
    await breathe();
    signal.throwIfAborted();
    if (!isSilent(samples)) {
      const seconds = samples.length / WHISPER_RATE;
      const part = {
        bytes: wavOf(samples),
        fileName: 'piece.wav',
        mediaType: 'audio/wav',
        seconds,
      };
      const answer = await dialect.ask(questionOf(work, whole, part, 1), signal);
      const next = append(whole, answer, from / WHISPER_RATE);
      whole = next.whole;
      if (next.added !== '') report({ type: 'text', index: told++, text: next.added });
    }
    // The last step is made when the result is there.
    const fraction = (from + samples.length) / sound.length;
    if (fraction < 1) report({ type: 'progress', fraction });
  }
  return whole;
}

/** What the first piece was heard to be, the others are too: finding out each time costs, and may go wrong. */
const questionOf = (
  { model, job, wish, settings }: Work,
  { language }: Transcript,
  part: Part,
  minutes: number,
): Question => ({
  ...part,
  model,
  language,
  translate: wish.task === 'translate',
  prompt: job.prompt.trim(),
  isSafe: job.isSafe ?? false,
  limitMs: settings.answerSecondsMax * 1000 * minutes,
});
