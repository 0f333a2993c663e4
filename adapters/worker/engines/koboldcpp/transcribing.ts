// Transcription: one recording, its words. The server knows no times and no formats.
import { z } from 'zod';
import {
  EngineFailure,
  type EngineJob,
  type EngineOutput,
} from '../../../../machines/contract/engine.ts';
import { transcriptParams, type TranscriptParams } from '../../../../machines/contract/requests.ts';
import type { Piece } from './blocking.ts';
import { paramsOf } from './params.ts';

const BASE64_BYTES_MAX = 23 * 1024 * 1024;
const words = z.looseObject({ text: z.string() });

export function transcriptionOf(job: EngineJob): Piece {
  const { language, translate, format } = paramsOf(transcriptParams, job);
  const audio = job.inputs.find(({ role }) => role === 'audio')?.bytes;
  if (audio === undefined || audio.length === 0)
    throw invalid('There is nothing to transcribe: the input `audio` is missing.');
  // It takes 32 MB of JSON, and four letters for three bytes.
  if (audio.length > BASE64_BYTES_MAX)
    throw invalid('A recording may have at most 23 MB with this model.');
  if (translate === true) throw unsupported('This model does not translate.');
  if (format !== 'text' && format !== 'json')
    throw unsupported('This model tells no times: ask for text or json.');
  if (language !== undefined && !/^[a-z]{2,3}$/i.test(language))
    throw invalid('The language is not a code of two or three letters, like en.');
  return {
    path: '/api/extra/transcribe',
    body: {
      audio_data: Buffer.from(audio).toString('base64'),
      langcode: language?.toLowerCase() ?? 'auto',
    },
  };
}

/** What is no audio comes back as an empty text, just like silence. */
export function wordsOf(bytes: Uint8Array, { format, language }: TranscriptParams): EngineOutput {
  const answer = words.safeParse(parse(bytes));
  if (!answer.success)
    throw new EngineFailure('outputInvalid', 'KoboldCPP answered without a transcription.');
  const text = answer.data.text.trim();
  if (text === '')
    throw new EngineFailure(
      'outputInvalid',
      'KoboldCPP found no words: the recording is silent, or no audio that it can read.',
    );
  const isJson = format === 'json';
  return {
    mediaType: isJson ? 'application/json' : 'text/plain',
    bytes: new TextEncoder().encode(isJson ? JSON.stringify({ text }) : text),
    facts: { ...(language !== undefined && { language }) },
  };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
  } catch {
    return null;
  }
}

const invalid = (sentence: string) => new EngineFailure('invalidInput', sentence);
const unsupported = (sentence: string) => new EngineFailure('unsupported', sentence);
