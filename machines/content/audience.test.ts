import { expect, it } from 'vitest';
import { audienceFor, levels, placesOf, stricter } from './audience.ts';

const said = levels.parse({
  plans: { free: 'general', pro: 'adult' },
  places: { 'discord:guild:1': 'family', 'discord:guild:1/channel:2': 'adult' },
  elsewhere: 'general',
});
const of = (plan: 'free' | 'starter' | 'pro', origin: string | null) =>
  audienceFor(said, { plan, origin });

it('knows a place and all that it lies in', () => {
  expect(placesOf('discord:guild:1/channel:2')).toEqual([
    'discord:guild:1/channel:2',
    'discord:guild:1',
  ]);
  expect(placesOf('telegram:chat:-100123')).toEqual(['telegram:chat:-100123']);
  for (const none of ['web', '', 'discord:guild:', 'discord:guild:1/', 'x:guild:1', null])
    expect(placesOf(none), String(none)).toEqual([]);
});

it('keeps to the stricter of place and plan', () => {
  expect(of('pro', null)).toBe('adult');
  expect(of('pro', 'web')).toBe('adult');
  expect(of('starter', null)).toBe('general');
  expect(of('pro', 'discord:guild:1')).toBe('family');
  expect(of('pro', 'discord:guild:1/channel:3')).toBe('family');
  expect(of('pro', 'discord:guild:1/channel:2')).toBe('adult');
  expect(of('free', 'discord:guild:1/channel:2')).toBe('general');
  expect(of('pro', 'telegram:chat:5')).toBe('general');
  expect(stricter('adult', 'family')).toBe('family');
});

it('hears first what was said beside the file', () => {
  const told = new Map([['discord:guild:1/channel:2', 'family' as const]]);
  const asked = { plan: 'pro', origin: 'discord:guild:1/channel:2' } as const;
  expect(audienceFor(said, asked, told)).toBe('family');
  expect(audienceFor(said, asked, new Map([['discord:guild:1', 'general']]))).toBe('adult');
});

it('is written so that it can be read', () => {
  expect(() => levels.parse({ plans: { gold: 'adult' } })).toThrow();
  expect(() => levels.parse({ places: { web: 'adult' } })).toThrow('must be a place');
  expect(() => levels.parse({ elsewhere: 'everyone' })).toThrow('must be one of family');
});
