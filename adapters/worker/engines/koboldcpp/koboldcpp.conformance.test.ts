import { describeEngine, type ConformanceCase } from '../conformance.ts';
import { createKoboldcppEngine } from './engine.ts';
import { koboldcppSettings } from './settings.ts';

const writer: ConformanceCase = {
  model: 'writer',
  modality: 'text',
  prompt: 'Once upon a time',
  params: { max_tokens: 12, seed: 3 },
  expected: {},
  long: { params: { max_tokens: 1500 } },
  invalid: [
    { params: { max_tokens: 5000, temperature: 1 } },
    { params: { max_tokens: 'eight', temperature: 1 } },
    { prompt: 'the day '.repeat(2000), params: { max_tokens: 8, temperature: 1 } },
    { prompt: '', params: { max_tokens: 8, temperature: 1 } },
  ],
  seeded: true,
};

const address = process.env['TESSERA_TEST_REAL_KOBOLDCPP'];
if (address !== undefined)
  describeEngine({
    name: 'koboldcpp (real)',
    open: () =>
      createKoboldcppEngine(
        koboldcppSettings.parse({
          url: address,
          models: [{ id: 'writer', name: 'Writer', charactersMax: 20_000 }],
        }),
      ),
    cases: [writer],
  });
