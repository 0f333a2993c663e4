import { describe, expect, it } from 'vitest';
import { SignInFailed } from '../../machines/contract/sign-in.ts';
import { BOT_ID, BOT_TOKEN, initData, TELEGRAM } from './mini-apps-testing.ts';
import { ed25519Key, miniApps } from './mini-apps.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const HOUR_MS = 3_600_000;

describe.each([
  ['by its token', BOT_TOKEN],
  ["by its number and Telegram's key", BOT_ID],
])('init data of a bot that is known %s', (_, bot) => {
  const apps = miniApps(['7000000009', bot], TELEGRAM.publicKey);
  const failing = (text: string, now = NOW) =>
    expect(() => apps.verify(text, now)).toThrow(SignInFailed);

  it('says who opened the app', () => {
    const { person } = apps.verify(initData({ at: NOW }), NOW);
    expect(person).toEqual({ subject: '42', name: 'Ann & Co' });
  });

  it('is the same proof, whatever is done to what was not checked', () => {
    const text = initData({ at: NOW });
    const other = bot === BOT_ID ? text.replace(/hash=[^&]*/, 'hash=x') : text;
    expect(apps.verify(other, NOW).proof).toBe(apps.verify(text, NOW).proof);
    expect(apps.verify(initData({ at: NOW + 1000 }), NOW).proof).not.toBe(
      apps.verify(text, NOW).proof,
    );
  });

  it('is good for an hour', () => {
    expect(apps.verify(initData({ at: NOW }), NOW + HOUR_MS).person.subject).toBe('42');
    failing(initData({ at: NOW }), NOW + HOUR_MS + 1000);
    failing(initData({ at: NOW + 61_000 }), NOW);
  });

  it.each<[string, (text: string) => string]>([
    ['changed', (text) => text.replace('42', '43')],
    ['with a field more', (text) => `${text}&start_param=x`],
    ['with a field less', (text) => text.replace('query_id=AAF&', '')],
    ['with a field twice', (text) => `${text}&auth_date=${NOW / 1000}`],
    ['decoded twice', (text) => decodeURIComponent(text)],
    ['without any proof', (text) => text.replace(/&(hash|signature)=[^&]*/g, '')],
    ['with an empty proof', (text) => text.replace(/(hash|signature)=[^&]*/g, '$1=')],
    ['that is nothing', () => ''],
  ])('%s is not taken', (_name, change) => failing(change(initData({ at: NOW }))));

  it('of another bot is not taken', () => {
    failing(initData({ at: NOW, token: `1:${'B'.repeat(35)}`, botId: '1' }));
  });

  it.each([{ id: 0 }, { id: 1.5 }, { id: '42' }, { id: 42, is_bot: true }, []])(
    'that names no person is not taken: %j',
    (user) => failing(initData({ at: NOW, user })),
  );
});

it('signed with the key of the login widget is not taken', () => {
  const apps = miniApps([BOT_TOKEN]);
  expect(() => apps.verify(initData({ at: NOW, asWidget: true }), NOW)).toThrow(SignInFailed);
});

it("knows Telegram's own key", () => {
  const apps = miniApps([BOT_ID]);
  expect(() => apps.verify(initData({ at: NOW }), NOW)).toThrow('No bot of ours');
  expect(ed25519Key('00'.repeat(32)).asymmetricKeyType).toBe('ed25519');
});
