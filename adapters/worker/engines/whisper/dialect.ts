// What the two kinds of servers have in common, as the engine sees them.
import { EngineFailure } from '../../../../machines/contract/engine.ts';
import type { Answer } from './answer.ts';
import type { Reply } from './client.ts';
import type { WhisperModel } from './settings.ts';

export interface Question {
  readonly model: WhisperModel;
  readonly bytes: Uint8Array;
  readonly fileName: string;
  readonly mediaType: string;
  /** Of what we have cut ourselves; null for a file that only the server can read. */
  readonly seconds: number | null;
  /** A code, or null: the server finds out. */
  readonly language: string | null;
  readonly translate: boolean;
  /** Words that may occur, as the person gave them. */
  readonly prompt: string;
  /** Rather slow than large. */
  readonly isSafe: boolean;
  readonly limitMs: number;
}

export interface Dialect {
  probe(): Promise<void>;
  /** Whether a question about this model would be answered by it, as far as known. */
  holds(model: WhisperModel): boolean;
  load(model: WhisperModel, signal: AbortSignal): Promise<void>;
  unload(model: WhisperModel): Promise<void>;
  ask(question: Question, signal: AbortSignal): Promise<Answer>;
}

export function formOf(
  { bytes, fileName, mediaType }: Question,
  fields: Readonly<Record<string, string>>,
): FormData {
  const form = new FormData();
  // Copied, because a Blob wants bytes that cannot be shared between threads.
  form.set('file', new Blob([Uint8Array.from(bytes)], { type: mediaType }), fileName);
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  return form;
}

/** Of a status that neither dialect has a meaning of its own for. The answer's text stays here. */
export function refusalOf({ status, text }: Reply, { seconds, fileName }: Question): EngineFailure {
  if (/out of memory|failed to allocate/i.test(text))
    return new EngineFailure('outOfMemory', 'The Whisper server ran out of memory.');
  if (status === 401 || status === 403) return refusedPassword();
  if (status === 413) return new EngineFailure('invalidInput', 'The recording is too large.');
  // A file that we wrote ourselves is good; one that came as it is may be anything.
  const isRefused = status === 400 || status === 415 || status === 422;
  if (isRefused && seconds === null)
    return new EngineFailure(
      'invalidInput',
      `The Whisper server cannot read this ${fileName.split('.').at(-1)} file. Send WAV instead.`,
    );
  return new EngineFailure('engineError', `The Whisper server answered with status ${status}.`);
}

export const refusedPassword = (): EngineFailure =>
  new EngineFailure(
    'engineUnreachable',
    'The Whisper server refuses the password. Correct `password` in the settings of this engine.',
  );
