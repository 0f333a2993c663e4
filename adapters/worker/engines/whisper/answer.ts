// What a server says about one recording, in whichever dialect: checked, and with times that are possible.
import { z } from 'zod';
import { EngineFailure } from '../../../../machines/contract/engine.ts';
import { codeOf } from './languages.ts';
import type { Segment } from './transcript.ts';

export interface Answer {
  readonly text: string;
  readonly language: string | null;
  readonly seconds: number;
  readonly segments: readonly Segment[];
}

const figure = z.number().nullish();

const verboseJson = z.object({
  text: z.string(),
  language: z.string().nullish(),
  duration: figure,
  segments: z
    .array(
      z.object({
        text: z.string(),
        start: figure,
        end: figure,
        temperature: figure,
        avg_logprob: figure,
        no_speech_prob: figure,
      }),
    )
    .optional(),
});

/** `seconds` is what we know of the recording ourselves; null when only the server has read it. */
export function readAnswer(body: string, seconds: number | null): Answer {
  const parsed = verboseJson.safeParse(parseJson(body));
  if (!parsed.success)
    throw new EngineFailure(
      'outputInvalid',
      'The Whisper server answered something else than words.',
    );
  const { text, language, duration, segments } = parsed.data;
  const given = (segments ?? [{ text }]) as readonly Given[];
  const lastEnd = Math.max(0, ...given.slice(-1).map(({ end }) => end ?? 0));
  const length = seconds ?? duration ?? lastEnd;
  return {
    text,
    language: language ? codeOf(language) : null,
    seconds: length,
    segments: possible(given, length),
  };
}

type Given = NonNullable<z.infer<typeof verboseJson>['segments']>[number];

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

/** Shorter ones nobody can read; they come from times beyond the end, where the model has gone astray. */
const SEGMENT_SECONDS_MIN = 0.02;

/** How long words are shown whose end is not known and which have no neighbour to be shown with. */
const LONE_SEGMENT_SECONDS = 1;

/** Within the recording, forwards, and long enough to be seen. */
function possible(given: readonly Given[], seconds: number): readonly Segment[] {
  const segments: Segment[] = [];
  let earliest = 0;
  for (const { text, start, end, temperature, avg_logprob, no_speech_prob } of given) {
    if (text.trim() === '') continue;
    const from = within(start ?? earliest, earliest, seconds);
    const to = within(end ?? seconds, from, seconds);
    const isShown = to - from >= SEGMENT_SECONDS_MIN;
    const last = segments.at(-1);
    if (last && !isShown) {
      segments[segments.length - 1] = {
        ...last,
        end: Math.max(last.end, to),
        text: last.text + text,
      };
      continue;
    }
    segments.push({
      start: from,
      end: isShown ? to : Math.min(from + LONE_SEGMENT_SECONDS, seconds),
      text,
      ...(typeof temperature === 'number' && { temperature }),
      ...(typeof avg_logprob === 'number' && { avg_logprob }),
      ...(typeof no_speech_prob === 'number' && { no_speech_prob }),
    });
    earliest = from;
  }
  return segments;
}

const within = (value: number, min: number, max: number) => Math.max(min, Math.min(value, max));
