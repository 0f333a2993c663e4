// The built-in engine, every model, on the processor of this machine. The film is what this machine makes
// of it: MP4 with ffmpeg on PATH, animated WebP without.
import sharp from 'sharp';
import { describeEngine } from '../conformance.ts';
import { createBuiltinEngine } from './engine.ts';

const small = { width: 160, height: 96, steps: 6 };
const endless = { params: { width: 2048, height: 2048, steps: 50 } };

const grey = { width: 40, height: 30, channels: 3, background: '#888' } as const;
const given = [{ role: 'image', bytes: await sharp({ create: grey }).png().toBuffer() }];

describeEngine({
  name: 'builtin',
  // So many that it takes several pictures at once.
  open: () => createBuiltinEngine({ cores: 4 }),
  cases: [
    {
      model: 'sketch',
      modality: 'image',
      prompt: 'a mountain lake at dawn',
      params: small,
      expected: { width: 160, height: 96 },
      long: endless,
      invalid: [
        { params: { width: 4096, height: 4096 } },
        { params: { width: 128, height: 128, steps: 51 } },
        { params: { width: 128, height: 128, style: 'crayon' } },
        { params: { width: 'wide', height: 128 } },
      ],
      seeded: true,
    },
    {
      model: 'atelier',
      modality: 'image',
      prompt: 'a red planet over a stormy sea, engraving',
      params: { ...small, width: 97, height: 131 },
      expected: { width: 97, height: 131 },
      long: endless,
      invalid: [{ params: { width: 128, height: 128, steps: 101 } }],
      seeded: true,
    },
    {
      model: 'retouch',
      modality: 'image',
      prompt: 'a mountain lake at dawn',
      params: small,
      inputs: given,
      expected: { width: 160, height: 96 },
      long: { ...endless, inputs: given },
      invalid: [
        { params: { width: 128, height: 128 }, inputs: [] },
        {
          params: { width: 128, height: 128 },
          inputs: [{ role: 'image', bytes: Buffer.from('no picture') }],
        },
      ],
      seeded: true,
    },
    {
      model: 'sketch-motion',
      modality: 'video',
      prompt: 'waves at sunset',
      params: { width: 128, height: 96, seconds: 0.75, fps: 7 },
      expected: { width: 128, height: 96, seconds: 0.75 },
      long: { params: { width: 1024, height: 1024, seconds: 10, fps: 6 } },
      invalid: [
        { params: { width: 128, height: 128, seconds: 11, fps: 12 } },
        { params: { width: 2048, height: 1024, seconds: 1, fps: 12 } },
      ],
      seeded: true,
    },
    {
      model: 'flite',
      modality: 'audio',
      prompt: 'The quick brown fox. It jumps!',
      params: { voice: 'kal16' },
      expected: {},
      long: {
        prompt: 'This sentence is long enough to be heard for quite a while. '.repeat(80),
        params: { voice: 'slt' },
      },
      invalid: [
        { params: { voice: 'nobody', speed: 1, format: 'wav' } },
        { prompt: '日本語', params: { speed: 1, format: 'wav' } },
        { prompt: '...', params: { speed: 1, format: 'wav' } },
        { prompt: 'a'.repeat(5001), params: { speed: 1, format: 'wav' } },
      ],
      seeded: false,
    },
    {
      model: 'parrot',
      modality: 'text',
      prompt: 'Once upon a time',
      params: { max_tokens: 40 },
      expected: {},
      long: { params: { max_tokens: 1024 } },
      invalid: [
        { params: { max_tokens: 1025, temperature: 1 } },
        { prompt: 'a'.repeat(8001), params: { max_tokens: 5, temperature: 1 } },
      ],
      seeded: true,
    },
  ],
});
