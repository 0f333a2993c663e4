import { expect, test } from 'vitest';
import { readAnswer } from './answer.ts';
import { languageOf } from './languages.ts';
import { append, write, type Transcript } from './transcript.ts';

const nothing: Transcript = {
  task: 'transcribe',
  language: null,
  seconds: 90,
  text: '',
  segments: [],
};
const answer = (segments: object[], more: object = {}) =>
  JSON.stringify({ text: 'x', language: 'german', duration: 30, segments, ...more });
const written = (
  transcript: Transcript,
  format: 'text' | 'json' | 'verbose_json' | 'srt' | 'vtt',
) => new TextDecoder().decode(write(transcript, format).bytes);

test('times are brought into the recording, forwards', () => {
  const read = readAnswer(
    answer([
      { text: ' One', start: -1, end: 2 },
      { text: ' two', start: 1.5, end: 30 },
      { text: ' three', start: 29, end: 30 },
      { text: '  ', start: 3, end: 4 },
    ]),
    3.5,
  );
  expect(read.segments).toEqual([
    { start: 0, end: 2, text: ' One' },
    // What lies beyond the end is shown with the last words.
    { start: 1.5, end: 3.5, text: ' two three' },
  ]);
  expect([read.language, read.seconds]).toEqual(['de', 3.5]);
});

test('words without times are shown all the time; a lone moment for a second', () => {
  expect(readAnswer('{"text":" All of it"}', 7).segments).toEqual([
    { start: 0, end: 7, text: ' All of it' },
  ]);
  expect(readAnswer(answer([{ text: 'Oh', start: 2, end: 2 }]), 7).segments[0]).toMatchObject({
    start: 2,
    end: 3,
  });
});

test.each(['', 'null', '[]', '{"segments":[]}', '{"text":1}', '<html>', '{"text":"cut sh'])(
  'outputInvalid: %j',
  (body) => {
    expect(() => readAnswer(body, 1)).toThrow(
      expect.objectContaining({ code: 'outputInvalid' }) as Error,
    );
  },
);

test('pieces are stitched with their offsets, in the language of the first', () => {
  const first = {
    text: ' Guten Tag.',
    language: 'de',
    seconds: 40,
    segments: [{ start: 1, end: 2, text: ' Guten Tag.' }],
  };
  const second = {
    ...first,
    text: ' Ja.',
    language: 'en',
    segments: [{ start: 0.5, end: 1.25, text: ' Ja.' }],
  };
  const one = append(nothing, first, 0);
  const two = append(one.whole, second, 40.25);
  expect([one.added, two.added, two.whole.text]).toEqual(['Guten Tag.', ' Ja.', 'Guten Tag. Ja.']);
  expect(two.whole.language).toBe('de');
  expect(written(two.whole, 'srt')).toBe(
    '1\n00:00:01,000 --> 00:00:02,000\nGuten Tag.\n\n2\n00:00:40,750 --> 00:00:41,500\nJa.\n',
  );
  const japanese = append(
    { ...nothing, language: 'ja', text: 'はい' },
    { ...second, text: 'ええ' },
    40,
  );
  expect(japanese.whole.text).toBe('はいええ');
});

test('every format of the same words', () => {
  const whole: Transcript = {
    ...nothing,
    language: 'en',
    text: 'Hello. Bye.',
    seconds: 3723.0049,
    segments: [
      { start: 0, end: 1.0004, text: ' Hello.', avg_logprob: -0.5 },
      { start: 3722.9996, end: 3723.0049, text: ' Bye.' },
    ],
  };
  expect(written(whole, 'text')).toBe('Hello. Bye.\n');
  expect(JSON.parse(written(whole, 'json'))).toEqual({ text: 'Hello. Bye.' });
  expect(JSON.parse(written(whole, 'verbose_json'))).toEqual({
    task: 'transcribe',
    language: 'english',
    duration: 3723.005,
    text: 'Hello. Bye.',
    segments: [
      { id: 0, start: 0, end: 1, text: ' Hello.', avg_logprob: -0.5 },
      { id: 1, start: 3723, end: 3723.005, text: ' Bye.' },
    ],
  });
  expect(written(whole, 'vtt')).toBe(
    'WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello.\n\n01:02:03.000 --> 01:02:03.005\nBye.\n',
  );
});

test('words never become structure', () => {
  const text = ' a\n\n2\n00:00:00,000 --> 00:00:09,000\n<b onclick=x>&</b>';
  const whole = { ...nothing, segments: [{ start: 0, end: 1, text }] };
  const cue = 'a 2 00:00:00,000 → 00:00:09,000';
  expect(written(whole, 'srt')).toBe(
    `1\n00:00:00,000 --> 00:00:01,000\n${cue} <b onclick=x>&</b>\n`,
  );
  expect(written(whole, 'vtt')).toContain(`\n${cue} &lt;b onclick=x&gt;&amp;&lt;/b&gt;\n`);
});

test('silence has an output of its own, never one without bytes', () => {
  expect(written(nothing, 'text')).toBe('\n');
  expect(written(nothing, 'srt')).toBe('\n');
  expect(written(nothing, 'vtt')).toBe('WEBVTT\n');
  expect(JSON.parse(written(nothing, 'json'))).toEqual({ text: '' });
  expect(JSON.parse(written(nothing, 'verbose_json'))).toMatchObject({
    text: '',
    language: null,
    segments: [],
  });
});

test('languages by code, region or name', () => {
  const wishes = [
    'en',
    'en-GB',
    'German',
    ' ZH_tw',
    'haitian creole',
    'yue',
    'auto',
    '',
    undefined,
  ];
  expect(wishes.map(languageOf)).toEqual(['en', 'en', 'de', 'zh', 'ht', 'yue', null, null, null]);
  expect(() => languageOf('../../etc')).toThrow(/does not know this language/);
});
