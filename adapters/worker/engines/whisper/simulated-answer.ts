// What whisper.cpp's server makes of what it heard, in each of its formats.
import type { Heard } from './simulated-speech.ts';

export function formatted(
  { seconds, segments }: Heard,
  fields: Readonly<Record<string, string>>,
): { type: string; body: string } {
  // Outside of verbose_json segments are not cut: one cue may hold everything.
  const all = segments.map((segment) => segment.text).join('');
  const text = all === '' ? '' : `${all}\n`;
  const cue = (point: string) => `${clock(0.24, point)} --> ${clock(30, point)}\n${all}\n\n`;
  const json = (value: unknown) => ({ type: 'application/json', body: JSON.stringify(value) });
  switch (fields['response_format']) {
    case 'text':
      return { type: 'text/html; charset=utf-8', body: text };
    case 'srt':
      return { type: 'application/x-subrip', body: segments.length === 0 ? '' : `1\n${cue(',')}` };
    case 'vtt':
      return { type: 'text/vtt', body: `WEBVTT\n\n${segments.length === 0 ? '' : cue('.')}` };
    case 'verbose_json':
      return json(verbose({ seconds, segments }, fields));
    default:
      return json({ text });
  }
}

function verbose({ seconds, segments }: Heard, fields: Readonly<Record<string, string>>): unknown {
  const { language = 'en' } = fields;
  const hasTimes = fields['no_timestamps'] !== 'true';
  const names: Record<string, string> = {
    en: 'english',
    de: 'german',
    fr: 'french',
    auto: 'english',
  };
  return {
    task: fields['translate'] === 'true' ? 'translate' : 'transcribe',
    language: names[language] ?? 'english',
    duration: seconds,
    text: segments.map((segment) => `${segment.text}\n`).join(''),
    segments: segments.map((segment, id) => ({
      id,
      text: segment.text,
      ...(hasTimes && { start: segment.start, end: segment.end }),
      tokens: [100, 200, 300],
      words: segment.text
        .trim()
        .split(' ')
        .map((word) => ({
          word: ` ${word}`,
          ...(hasTimes && { start: segment.start, end: segment.end, t_dtw: -1 }),
          probability: 0.5,
        })),
      temperature: 0,
      avg_logprob: -0.3,
      no_speech_prob: 1e-14,
    })),
    ...(fields['no_language_probabilities'] !== 'true' && {
      detected_language: 'english',
      detected_language_probability: 0.8,
      language_probabilities: { en: 0.8, nn: 0.2 },
    }),
  };
}

function clock(seconds: number, point: string): string {
  const iso = new Date(seconds * 1000).toISOString();
  return iso.slice(11, 23).replace('.', point);
}
