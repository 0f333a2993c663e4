import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { BadBots, readBots } from './bots-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-bots-'));
afterAll(() => rmSync(folder, { recursive: true }));
const read = (value: unknown, env = {}) => {
  const file = join(folder, 'bots.json');
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value));
  return readBots(file, env);
};
const reasons = (value: unknown, env = {}): string => {
  try {
    read(value, env);
  } catch (error) {
    if (error instanceof BadBots) return error.message;
    throw error;
  }
  return '';
};

describe('the bots file', () => {
  it('makes a bot of a line, a thirteenth as well', () => {
    const bots = read(
      [
        { bot: 'telegram-image-1', token: '1:a' },
        { bot: 'discord-video-3', tokenEnv: 'MINE' },
        {
          bot: 'telegram-image-13',
          token: '13:a',
          name: 'Comics',
          params: { style: 'ink' },
          count: 4,
        },
      ],
      { MINE: 'secret' },
    );
    expect(
      bots.map(({ persona: { bot, platform, modality }, token }) => [
        bot,
        platform,
        modality,
        token,
      ]),
    ).toEqual([
      ['telegram-image-1', 'telegram', 'image', '1:a'],
      ['discord-video-3', 'discord', 'video', 'secret'],
      ['telegram-image-13', 'telegram', 'image', '13:a'],
    ]);
    expect(bots[2]!.persona).toMatchObject({
      name: 'Comics',
      defaults: { count: 4, params: { width: 1024, style: 'ink' } },
    });
  });

  it.each<[string, unknown, RegExp]>([
    ['no list', '{}', /must be a list/],
    ['no JSON', '[', /is not JSON/],
    [
      'a name that says nothing',
      [{ bot: 'my-bot', token: 'x' }],
      /line 1: bot: must be <platform>/,
    ],
    ['a word it does not know', [{ bot: 'telegram-image-1', token: 'x', tokn: 1 }], /tokn/],
    ['no token', [{ bot: 'telegram-image-1' }], /it has no token/],
    [
      'a variable that is not set',
      [{ bot: 'telegram-image-1', tokenEnv: 'NONE' }],
      /it has no token/,
    ],
    [
      'a webhook without a secret',
      [{ bot: 'telegram-image-1', token: 'x', webhook: { url: 'https://x.org/a', port: 1 } }],
      /needs a `secret`/,
    ],
    [
      'a weak secret',
      [
        {
          bot: 'telegram-image-1',
          token: 'x',
          webhook: { url: 'https://x.org/a', port: 1, secret: 'short' },
        },
      ],
      /needs a `secret`/,
    ],
    [
      'a webhook in the open',
      [
        {
          bot: 'telegram-image-1',
          token: 'x',
          webhook: { url: 'http://x.org/a', port: 1, secret: 'a'.repeat(20) },
        },
      ],
      /must be an https address/,
    ],
    [
      'the same bot twice',
      [
        { bot: 'telegram-image-1', token: 'x' },
        { bot: 'telegram-image-1', token: 'y' },
      ],
      /listed twice/,
    ],
    [
      'one token for two',
      [
        { bot: 'telegram-image-1', token: 'x' },
        { bot: 'telegram-image-2', token: 'x' },
      ],
      /has the token of telegram-image-1/,
    ],
  ])('is refused with a sentence: %s', (_, value, sentence) => {
    expect(reasons(value)).toMatch(sentence);
    expect(reasons(value)).not.toContain('undefined');
  });
});
