import { expect, test } from 'vitest';
import { engineNames, suiteOf } from './conformance.ts';

test('every engine has a suite, and all run when none is named', () => {
  expect(engineNames()).toEqual(
    expect.arrayContaining(['builtin', 'comfyui', 'koboldcpp', 'whisper', 'speech', 'sound']),
  );
  expect(suiteOf([]).files).toHaveLength(engineNames().length);
});

test('--real points one suite at a server, with what the engine must know of it', () => {
  const args = ['whisper', '--real', 'http://127.0.0.1:8080', '--model', '/models/tiny.bin'];
  expect(suiteOf(args)).toEqual({
    files: ['adapters/worker/engines/whisper/whisper.conformance.test.ts'],
    env: {
      TESSERA_TEST_REAL_WHISPER: 'http://127.0.0.1:8080',
      TESSERA_TEST_REAL_WHISPER_MODEL: '/models/tiny.bin',
    },
  });
});

test.each([
  [['midjourney'], 'There is no engine midjourney. These have a suite: builtin, comfyui'],
  [['comfyui', 'whisper'], 'One engine at a time'],
  [['--real', 'http://127.0.0.1:1'], 'Which engine is at http://127.0.0.1:1?'],
  [['comfyui', '--real', 'localhost'], '--real must be an address such as'],
  [['whisper', '--model', 'x'], '--model says something of a server: name it by --real.'],
  [['comfyui', '--fake'], "Unknown option '--fake'"],
])('%j is refused in words', (args, sentence) => {
  expect(() => suiteOf(args)).toThrow(sentence);
});
