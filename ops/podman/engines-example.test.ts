// The example is a file that the worker takes as it is.
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readEngines } from '../../adapters/worker/config/engines-file.ts';

test('the example is accepted, and every engine of it can be made', async () => {
  const file = join(import.meta.dirname, 'engines.example.json');
  const entries = readEngines({ file, urls: {} });
  expect(entries.map(({ kind }) => kind)).toEqual([
    'builtin',
    'comfyui',
    'koboldcpp',
    'whisper',
    'speech',
  ]);
  for (const { create } of entries) await (await create()).close();
});
