// What was recorded from a real server and is not played again proves nothing: no folder of transcripts without
// a replay. That each file in it is played, `describeReplays` sees to.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const folders = globSync('*/transcripts', { cwd: import.meta.dirname });

test('there are transcripts of every engine that was recorded', () => {
  expect(folders.map((folder) => dirname(folder)).sort()).toEqual(
    expect.arrayContaining(['comfyui', 'koboldcpp', 'speech', 'whisper']),
  );
});

test.each(folders)('%s is replayed', (folder) => {
  const replay = join(import.meta.dirname, dirname(folder), 'replay.test.ts');
  expect(existsSync(replay)).toBe(true);
  expect(readFileSync(replay, 'utf8')).toMatch(/^describeReplays\(/m);
});
