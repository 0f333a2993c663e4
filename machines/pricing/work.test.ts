import { describe, expect, test } from 'vitest';
import type { Modality } from '../contract/models.ts';
import { PARAMS } from '../contract/requests.ts';
import { timeLimitMs, type SizedFile } from './price.ts';
import { workOf } from './work.ts';

const file = (change: Partial<SizedFile>): SizedFile => ({
  role: 'input',
  bytes: 1000,
  seconds: null,
  ...change,
});

const work = (
  modality: Modality,
  params: object,
  { prompt = 'x', count = 1, files = [] as SizedFile[], seconds = undefined as number | undefined },
) =>
  workOf(
    { modality, params: PARAMS[modality].parse(params), prompt, count, files },
    seconds === undefined ? {} : { seconds },
  );

describe('the size of a job', () => {
  test.each([
    ['one standard picture', work('image', {}, {}), 1],
    ['four of a quarter', work('image', { width: 512, height: 512 }, { count: 4 }), 1],
    ['many steps', work('image', { steps: 60 }, {}), 1.5],
    ['enlarging a small picture', work('image', { scale: 4 }, { files: [file({})] }), 1],
    ['enlarging a huge one', work('image', { scale: 2 }, { files: [file({ bytes: 2e7 })] }), 5],
    ['a second of film', work('video', { seconds: 1 }, {}), 1],
    ['with twice the frames', work('video', { seconds: 1, fps: 24 }, {}), 2],
    ['a thousand words to write', work('text', { max_tokens: 1000 }, { prompt: '' }), 1],
    [
      'as much to read is a tenth, wherever it stands',
      work(
        'text',
        { max_tokens: 1000 },
        { prompt: 'x'.repeat(2000), files: [file({ role: 'messages', bytes: 2000 })] },
      ),
      1.1,
    ],
    ['speech', work('audio', {}, { prompt: 'x'.repeat(1000) }), 1],
    ['slow speech', work('audio', { speed: 0.5 }, { prompt: 'x'.repeat(1000) }), 2],
    ['sound of the usual length', work('audio', {}, { seconds: 20 }), 1],
    ['long music, in few words', work('audio', { seconds: 240 }, { seconds: 20 }), 12],
    [
      'a recording of three hours',
      work('transcript', {}, { files: [file({ seconds: 10_800 })] }),
      180,
    ],
    ['one whose length nobody knows', work('transcript', {}, { files: [file({})] }), 1],
  ])('%s', (_, is, shouldBe) => {
    expect(is).toBeCloseTo(shouldBe, 9);
  });

  test('three hours of speech may take longer than a minute of it', () => {
    const hours = work('transcript', {}, { files: [file({ seconds: 10_800 })] });
    // At the 5 s a minute that Whisper takes on a 16 GB card.
    expect(timeLimitMs(hours, 5000)).toBeGreaterThan(180 * 5000 * 5);
  });
});
