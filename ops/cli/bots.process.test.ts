// The bots as people have them: `tessera up` with its built-in worker, `tessera bots` as processes of their own, and a
// Telegram that is ours. Bots are killed whenever; every prompt ends in exactly one result, in the right chat.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chatPage } from '../../adapters/telegram/testing/chat-page.ts';
import {
  FakeTelegram,
  type FakeBot,
  type StoredMessage,
} from '../../adapters/telegram/testing/fake-telegram.ts';
import {
  cleanEnvironment,
  endTessera,
  freePort,
  removeFolder,
  startTessera,
  temporaryFolder,
  type Tessera,
} from '../testing.ts';

/** So that a busy machine makes them soon. */
const SMALL = { width: 256, height: 256 };
const SHORT = { width: 128, height: 128, seconds: 0.5 };
const JOB = /job_[0-9a-z]{26}/;
let home: string;
let up: Tessera;
let telegram: FakeTelegram;
let image: FakeBot;
let video: FakeBot;
let settings: Record<string, string>;
const running = new Set<Tessera>();

beforeAll(async () => {
  home = temporaryFolder('bots');
  telegram = await FakeTelegram.start();
  image = telegram.addBot('easel_bot');
  video = telegram.addBot('reel_bot');
  const port = await freePort();
  settings = { TESSERA_HOME: home, PORT: String(port), TESSERA_URL: `http://127.0.0.1:${port}` };
  up = startTessera(['up'], cleanEnvironment(settings));
  await up.says(/Tessera is ready at/);
  const made = startTessera(
    ['key', 'create', '--kind', 'frontend', '--platform', 'telegram', '--json'],
    cleanEnvironment(settings),
  );
  await made.ended;
  settings['TESSERA_TELEGRAM_KEY'] = (JSON.parse(made.stdout()) as { key: string }).key;
  const file = [
    { bot: 'telegram-image-1', token: image.token, apiUrl: telegram.url, params: SMALL },
    { bot: 'telegram-video-1', tokenEnv: 'REEL_TOKEN', apiUrl: telegram.url, params: SHORT },
  ];
  writeFileSync(join(home, 'bots.json'), JSON.stringify(file));
});
afterAll(async () => {
  for (const bots of running) bots.child.kill('SIGKILL');
  // To be looked at: TESSERA_TEST_CHATS names a folder.
  const pages = process.env['TESSERA_TEST_CHATS'];
  for (const chat of pages === undefined ? [] : [1, 2])
    writeFileSync(join(pages!, `chat-${chat}.html`), chatPage(telegram, chat));
  await endTessera(up);
  await telegram.stop();
  removeFolder(home);
});

const start = (args: readonly string[] = []): Tessera => {
  const env = { ...cleanEnvironment(settings), REEL_TOKEN: video.token };
  const bots = startTessera(['bots', ...args], env);
  running.add(bots);
  void bots.ended.then(() => running.delete(bots));
  return bots;
};
const kill = async (bots: Tessera) => {
  bots.child.kill('SIGKILL');
  await bots.ended;
};
/** Results of a chat: messages of a bot with a picture and a job's id. */
const results = (chat: number): StoredMessage[] =>
  telegram.shown(chat).filter(({ media, text }) => media !== null && JOB.test(text));
const person = (id: number) => ({ id, language_code: 'en' });

describe('tessera bots', () => {
  it('checks before it starts, and says what to fix', async () => {
    const check = start(['--check']);
    expect(await check.ended).toMatchObject({ code: 0 });
    expect(check.stdout()).toContain('✓ telegram-image-1: the token is good; it is @easel_bot.');
    expect(check.stdout()).toContain('lists of commands differ');
  });

  it('makes a picture of words: one message that becomes the result', async () => {
    const bots = start();
    await bots.says(/2 bots run/);
    telegram.write(image, person(1), { text: 'a heron at dawn' });
    await telegram.until(() => results(1).length === 1);
    const [shown] = telegram.shown(1);
    expect(telegram.shown(1)).toHaveLength(1);
    expect(shown!.text).toMatch(/^a heron at dawn\n\n/);
    expect(shown!.text).toMatch(/^sketch · 256×256 · seed \d+\n0\.06 tokens · job_/m);
    expect(shown!.media!.kind).toBe('photo');
    telegram.write(image, person(1), { text: '/balance' });
    telegram.write(image, person(1), { text: '/settings' });
    await telegram.until(() => telegram.shown(1).length === 3);
    expect(telegram.shown(1)[1]!.text).toMatch(/^You have 19\.9\d tokens\./);
    await endTessera(bots);
  });

  it('makes one job of an update that comes ten times', async () => {
    const bots = start();
    const update = telegram.write(image, person(2), { text: 'once and no more' });
    for (let n = 0; n < 9; n++) telegram.redeliver(image, update);
    await telegram.until(() => results(2).length > 0 && image.updates.length === 0);
    telegram.write(image, person(2), { text: '/jobs' });
    await telegram.until(() =>
      telegram.shown(2).some(({ text }) => text.includes('Nothing is under way')),
    );
    expect(results(2)).toHaveLength(1);
    await endTessera(bots);
  });

  it('ends every prompt in one result, whenever bots are killed', async () => {
    let bots = start();
    const chats = Array.from({ length: 12 }, (_, n) => 100 + n);
    for (const [n, chat] of chats.entries()) {
      telegram.write(n % 4 === 0 ? video : image, person(chat), { text: `picture ${chat}` });
      if (n % 3 !== 2) continue;
      const before = telegram.calls.length;
      await telegram.until(() => telegram.calls.length > before + 4);
      await kill(bots);
      bots = start();
    }
    await telegram.until(() => chats.every((chat) => results(chat).length > 0));
    for (const chat of chats) {
      expect([chat, results(chat).length]).toEqual([chat, 1]);
      expect(results(chat)[0]!.text).toContain(`picture ${chat}`);
    }
    await endTessera(bots);
  });

  it('brings what ended while no bot lived', async () => {
    let bots = start();
    await bots.says(/2 bots run/);
    telegram.write(image, person(3), { text: 'for later' });
    await telegram.until(() => telegram.shown(3).length > 0);
    await kill(bots);
    const url = `${settings['TESSERA_URL']}/v1/deliveries`;
    const headers = { authorization: `Bearer ${settings['TESSERA_TELEGRAM_KEY']}` };
    await expect
      .poll(
        async () => {
          const list = (await (await fetch(url, { headers })).json()) as {
            data: { job: { phase: string } }[];
          };
          return list.data.every(({ job }) => job.phase === 'settled');
        },
        { timeout: 60_000, interval: 100 },
      )
      .toBe(true);
    bots = start();
    await telegram.until(() => results(3).length > 0);
    expect(results(3)).toHaveLength(1);
    await endTessera(bots);
  });
});
