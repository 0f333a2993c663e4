import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { followLogs, humanLine } from './log-lines.ts';

it.each([
  ['{"level":30,"msg":"listening"}', 'listening'],
  ['{"level":40,"msg":"slow disk"}', 'warning: slow disk'],
  ['{"level":50,"msg":"lost","err":{"message":"ECONNRESET"}}', 'error: lost: ECONNRESET'],
  ['{"level":50,"err":{"message":"ECONNRESET"}}', 'error: ECONNRESET'],
  ['{"level":20,"msg":"detail"}', null],
  ['{"level":30,"req":{"url":"/"},"msg":"incoming request"}', null],
  ['{"level":30,"responseTime":3,"msg":"request completed"}', null],
  ['   ', null],
  ['TypeError: x is not a function', 'TypeError: x is not a function'],
  ['{not json', '{not json'],
])('%s is shown as %s', (line, shown) => {
  expect(humanLine(line)).toBe(shown);
});

it('shows little and keeps everything', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-logs-'));
  const shown: string[] = [];
  const seen = Promise.withResolvers<void>();
  const show = (line: string) => {
    shown.push(line);
    seen.resolve();
  };
  const file = join(folder, 'logs', 'worker.log');
  const stream = new PassThrough();
  followLogs({ name: 'worker', file, show })([stream, null]);
  stream.write('{"level":20,"msg":"detail"}\n{"level":30,"msg":"ready"}\n');
  await seen.promise;
  expect(shown).toEqual(['worker   ready']);
  await expect.poll(() => readFileSync(file, 'utf8')).toContain('detail');
  rmSync(folder, { recursive: true });
});
