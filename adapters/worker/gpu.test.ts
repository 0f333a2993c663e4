import { expect, test } from 'vitest';
import { parseGpu } from './gpu.ts';

test("reads the driver's answer, the first card of several", () => {
  const text = 'NVIDIA GeForce RTX 4080, 16376\nNVIDIA GeForce RTX 3060, 12288\n';
  expect(parseGpu(text)).toEqual({
    name: 'NVIDIA GeForce RTX 4080',
    vramBytes: 16376 * 1024 * 1024,
  });
});

test.each([
  '',
  'No devices were found\n',
  'Failed to initialize NVML: Driver/library version mismatch',
])('an answer without a card is no card: %j', (text) => expect(parseGpu(text)).toBeNull());
