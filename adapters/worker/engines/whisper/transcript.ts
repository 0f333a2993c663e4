// The whole transcript and every form in which it is delivered. One writer for all servers: their own subtitle
// files differ, hold cues of half a minute, and know nothing of the pieces before.
import type { TranscriptParams } from '../../../../machines/contract/requests.ts';
import type { Answer } from './answer.ts';
import { hasSpaces, nameOf } from './languages.ts';

/** Times in seconds since the beginning. */
export interface Segment {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly temperature?: number;
  readonly avg_logprob?: number;
  readonly no_speech_prob?: number;
}

export interface Transcript {
  readonly task: 'transcribe' | 'translate';
  /** A code; null while nobody has said anything. */
  readonly language: string | null;
  readonly seconds: number;
  readonly text: string;
  readonly segments: readonly Segment[];
}

/** Adds a piece that begins at `offset`; answers what its text adds to the text. */
export function append(
  whole: Transcript,
  piece: Answer,
  offset: number,
): { whole: Transcript; added: string } {
  const language = whole.language ?? (piece.text.trim() === '' ? null : piece.language);
  const words = piece.text.trim();
  // A translation is English, whatever was spoken.
  const gap = whole.task === 'translate' || hasSpaces(language) ? ' ' : '';
  const added = words === '' || whole.text === '' ? words : gap + words;
  const segments = piece.segments.map((segment) => ({
    ...segment,
    start: offset + segment.start,
    end: offset + segment.end,
  }));
  const text = whole.text + added;
  return { whole: { ...whole, language, text, segments: [...whole.segments, ...segments] }, added };
}

export interface Written {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

export function write(transcript: Transcript, format: TranscriptParams['format']): Written {
  const { mediaType, of } = FORMATS[format];
  return { mediaType, bytes: new TextEncoder().encode(of(transcript)) };
}

type Writer = (transcript: Transcript) => string;

/**
 * Each ends with a line's end, also because an output of no bytes is no output: silence is one empty line of text,
 * a subtitle file without cues, or an empty `text` in JSON.
 */
const FORMATS: Record<TranscriptParams['format'], { mediaType: string; of: Writer }> = {
  text: { mediaType: 'text/plain', of: ({ text }) => `${text}\n` },
  json: { mediaType: 'application/json', of: ({ text }) => `${JSON.stringify({ text })}\n` },
  verbose_json: { mediaType: 'application/json', of: verbose },
  srt: { mediaType: 'application/x-subrip', of: srt },
  vtt: { mediaType: 'text/vtt', of: vtt },
};

function verbose({ task, language, seconds, text, segments }: Transcript): string {
  const told = segments.map(({ start, end, ...rest }, id) => ({
    id,
    start: toMilliseconds(start) / 1000,
    end: toMilliseconds(end) / 1000,
    ...rest,
  }));
  const name = language === null ? null : nameOf(language);
  const duration = toMilliseconds(seconds) / 1000;
  return `${JSON.stringify({ task, language: name, duration, text, segments: told })}\n`;
}

function srt({ segments }: Transcript): string {
  const cues = segments.map(
    ({ start, end, text }, index) =>
      `${index + 1}\n${clock(start, ',')} --> ${clock(end, ',')}\n${cueText(text)}\n`,
  );
  return cues.length === 0 ? '\n' : cues.join('\n');
}

function vtt({ segments }: Transcript): string {
  const escape = (text: string) =>
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const cues = segments.map(
    ({ start, end, text }) =>
      `\n${clock(start, '.')} --> ${clock(end, '.')}\n${escape(cueText(text))}\n`,
  );
  return `WEBVTT\n${cues.join('')}`;
}

/** Spoken words must not become structure: an empty line would end the cue, an arrow begin one. */
const cueText = (text: string) => text.replace(/\s+/g, ' ').replaceAll('-->', '→').trim();

function clock(seconds: number, point: ',' | '.'): string {
  const total = toMilliseconds(seconds);
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const ms = String(total % 1000).padStart(3, '0');
  return `${two(total / 3_600_000)}:${two((total / 60_000) % 60)}:${two((total / 1000) % 60)}${point}${ms}`;
}

const toMilliseconds = (seconds: number) => Math.round(seconds * 1000);
