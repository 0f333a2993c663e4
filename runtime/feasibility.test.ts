// What a model does not offer is refused with a sentence, before anything is held for it.
import { describe, expect, it } from 'vitest';
import type { Modality, ModelOffer } from '../machines/contract/models.ts';
import { PARAMS } from '../machines/contract/requests.ts';
import { whyImpossible } from './feasibility.ts';
import { placed, type InputFile } from './input-files.ts';
import { BLOB, offer } from './testing.ts';

const EDITOR = offer('editor', {
  inputs: [
    { role: 'image', kind: 'image', isRequired: true },
    { role: 'mask', kind: 'image', isRequired: false },
  ],
  loras: ['paper', 'ink'],
  scales: [2, 4],
});
const WHISPER = offer('whisper', {
  modality: 'transcript',
  inputs: [{ role: 'audio', kind: 'audio', isRequired: true }],
});
const SOUND = offer('sound', {
  modality: 'audio',
  formats: ['mp3', 'opus'],
  limits: { secondsMax: 30 },
});

const file = (role: string, mediaType = 'image/png'): InputFile => ({
  role,
  mediaType,
  blob: BLOB,
  bytes: 100,
  seconds: null,
});
const why = (to: ModelOffer, files: readonly InputFile[], params: object = {}) => {
  const { modality } = to as { modality: Modality };
  const parsed = PARAMS[modality].parse(params);
  return whyImpossible(
    { modality, params: parsed, prompt: 'x', count: 1, files: placed(files, to) },
    { offer: to, gpu: null },
  );
};

describe('files', () => {
  it.each<[string, ModelOffer, InputFile[], RegExp | null]>([
    ['none, where none are taken', offer(), [], null],
    [
      'where none are taken',
      offer(),
      [file('image')],
      /^sketch cannot do this: it takes no files\.$/,
    ],
    ['all that it takes', EDITOR, [file('image'), file('mask')], null],
    ['without what is optional', EDITOR, [file('image')], null],
    [
      'without what is required',
      EDITOR,
      [file('mask')],
      /it needs a picture as its input "image"\.$/,
    ],
    ['none, where one is required', EDITOR, [], /it needs a picture/],
    ['of an unknown role', EDITOR, [file('image'), file('depth')], /and nothing as "depth"\.$/],
    [
      'of the wrong kind',
      EDITOR,
      [file('image', 'audio/wav')],
      /"image" is a picture, and the file is audio\/wav\.$/,
    ],
    [
      'one too many',
      EDITOR,
      [file('input'), file('input'), file('input')],
      /no place for one more file/,
    ],
    [
      'a picture to be transcribed',
      WHISPER,
      [file('input')],
      /takes a sound as "audio".*image\/png\.$/,
    ],
    ['a sound in the container of a film', WHISPER, [file('audio', 'video/webm')], null],
  ])('%s', (_, to, files, sentence) => {
    if (sentence === null) expect(why(to, files)).toBeNull();
    else expect(why(to, files)).toMatch(sentence);
  });

  it('without a role go where they fit, in their order, past what is taken', () => {
    const roles = (files: InputFile[], to = EDITOR) => placed(files, to).map(({ role }) => role);
    expect(roles([file('input'), file('input')])).toEqual(['image', 'mask']);
    expect(roles([file('input'), file('image')])).toEqual(['mask', 'image']);
    expect(roles([file('input', 'audio/ogg')], WHISPER)).toEqual(['audio']);
    expect(roles([file('input', 'audio/ogg')])).toEqual(['input']);
    const own = offer('own', { inputs: [{ role: 'input', kind: 'image', isRequired: true }] });
    expect(roles([file('input')], own)).toEqual(['input']);
  });
});

describe('choices', () => {
  it.each<[string, ModelOffer, object, RegExp | null]>([
    ['a LoRA it has', EDITOR, { loras: [{ name: 'ink' }] }, null],
    [
      'a LoRA it has not',
      EDITOR,
      { loras: [{ name: 'oil' }] },
      /no LoRA "oil": its LoRAs are paper, ink\.$/,
    ],
    ['a LoRA twice', EDITOR, { loras: [{ name: 'ink' }, { name: 'ink' }] }, /each LoRA once/],
    ['a scale it has', EDITOR, { scale: 4 }, null],
    ['a scale it has not', EDITOR, { scale: 3 }, /its scales are 2, 4\.$/],
    ['how much of a picture may change', EDITOR, { strength: 0.5 }, null],
  ])('%s', (_, to, params, sentence) => {
    const told = why(to, [file('image')], params);
    if (sentence === null) expect(told).toBeNull();
    else expect(told).toMatch(sentence);
  });

  it.each<[string, ModelOffer, object, RegExp | null]>([
    [
      'any LoRA, where there are none',
      offer(),
      { loras: [{ name: 'ink' }] },
      /no LoRAs to choose from/,
    ],
    ['any scale, where it does not enlarge', offer(), { scale: 2 }, /no scales to choose from/],
    ['strength without a picture', offer(), { strength: 0.5 }, /needs one as its input "image"/],
    ['a format it has', SOUND, { format: 'opus' }, null],
    ['a format it has not', SOUND, { format: 'flac' }, /its formats are mp3, opus\.$/],
    [
      'another format than wav of one that says nothing',
      offer('a', { modality: 'audio' }),
      { format: 'mp3' },
      /its formats are wav\.$/,
    ],
    ['a sound that is too long', SOUND, { format: 'mp3', seconds: 31 }, /at most 30 seconds\.$/],
    ['a sound that is not', SOUND, { format: 'mp3', seconds: 30 }, null],
  ])('%s', (_, to, params, sentence) => {
    if (sentence === null) expect(why(to, [], params)).toBeNull();
    else expect(why(to, [], params)).toMatch(sentence);
  });
});

describe('the card', () => {
  const large = offer('flux', { vramBytes: 14e9 });
  const spec = {
    modality: 'image' as const,
    params: PARAMS.image.parse({}),
    prompt: 'x',
    count: 1,
    files: [],
  };

  it.each([
    ['none, where the processor computes', null, null],
    ['a larger one', { name: 'RTX 5060 Ti', vramBytes: 17e9 }, null],
    ['one whose size nobody knows', { name: 'a card', vramBytes: 0 }, null],
    [
      'a smaller one',
      { name: 'RTX 4060', vramBytes: 8.6e9 },
      'flux needs 14 GB of graphics memory, and the largest card of a worker that has it (RTX 4060) has ' +
        '8.6 GB. Connect a worker with a larger card, or name a smaller model.',
    ],
  ])('%s', (_, gpu, sentence) => {
    expect(whyImpossible(spec, { offer: large, gpu })).toBe(sentence);
  });
});

describe('bounds on both sides', () => {
  const video = offer('wan', {
    modality: 'video',
    limits: { ranges: { width: { min: 256, max: 1280 }, frames: { min: 8, max: 100 } } },
  });
  it.each<[string, object, RegExp | null]>([
    ['within', { width: 1280 }, null],
    ['above', { width: 1281 }, /its width may be from 256 to 1280, not 1281\.$/],
    ['below', { width: 255 }, /from 256 to 1280, not 255/],
    ['not bounded', { height: 8192 }, null],
    [
      'a film of too many frames',
      { seconds: 10, fps: 20 },
      /its frames may be from 8 to 100, not 200/,
    ],
    ['a film of too few', { seconds: 0.5, fps: 4 }, /not 2\.$/],
  ])('%s', (_, params, sentence) => {
    if (sentence === null) expect(why(video, [], params)).toBeNull();
    else expect(why(video, [], params)).toMatch(sentence);
  });

  it('says nothing of what was not asked for', () => {
    const shy = offer('shy', { limits: { ranges: { guidance: { min: 1, max: 10 } } } });
    expect(why(shy, [])).toBeNull();
    expect(why(shy, [], { guidance: 11 })).toMatch(/guidance may be from 1 to 10/);
  });
});
