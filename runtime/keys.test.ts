import { describe, expect, it } from 'vitest';
import {
  KEY_KINDS,
  PLATFORMS,
  hashSecret,
  makeKey,
  makeSessionSecret,
  parseKey,
  platformOf,
  workerIdOf,
} from './keys.ts';

describe('an API key', () => {
  it.each(KEY_KINDS)('of kind %s is read back as what it was made', (kind) => {
    const { key, hash, id } = makeKey(kind, kind === 'frontend' ? 'discord' : null);
    expect(key).toMatch(new RegExp(`^tsr_${kind}_[0-9A-Za-z]{49}$`));
    expect(parseKey(key)).toEqual({ kind, hash });
    expect(hash).toHaveLength(32);
    expect(id).toMatch(kind === 'frontend' ? /^key_discord_\w{22}$/ : /^key_[0-9A-Za-z]{22}$/);
  });

  it('is never the same twice', () => {
    const keys = Array.from({ length: 100 }, () => makeKey('user'));
    expect(new Set(keys.map(({ key }) => key)).size).toBe(100);
    expect(new Set(keys.map(({ id }) => id)).size).toBe(100);
  });

  it('with any one character changed is no key', () => {
    const { key } = makeKey('user');
    for (let at = 0; at < key.length; at++) {
      const other = key[at] === 'x' ? 'y' : 'x';
      expect(parseKey(key.slice(0, at) + other + key.slice(at + 1)), `at ${at}`).toBeNull();
    }
  });

  it('of one kind does not become another by its prefix', () => {
    expect(parseKey(makeKey('user').key.replace('user', 'admin'))).toBeNull();
  });

  it.each(['', 'tsr_user_', 'Bearer x', 'tsr_root_' + 'a'.repeat(49), ' ' + makeKey('user').key])(
    'is not %j',
    (text) => expect(parseKey(text)).toBeNull(),
  );

  it.each(PLATFORMS)('of a frontend of %s says so in its id', (platform) => {
    expect(platformOf(makeKey('frontend', platform).id)).toBe(platform);
    expect(platformOf(makeKey('user').id)).toBeNull();
    expect(() => makeKey('frontend')).toThrow('platform');
    expect(() => makeKey('user', platform)).toThrow('platform');
  });

  it('gives its worker a stable id that does not show the secret', () => {
    const { id, key } = makeKey('worker');
    expect(workerIdOf(id)).toBe(id.replace('key_', 'wrk_'));
    expect(key).not.toContain(id.slice(4));
  });
});

describe('a session secret', () => {
  it('has 256 bits and survives in a cookie', () => {
    expect(makeSessionSecret()).toMatch(/^[\w-]{43}$/);
    expect(hashSecret('a')).not.toEqual(hashSecret('b'));
  });
});
