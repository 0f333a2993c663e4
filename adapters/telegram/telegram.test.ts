// The parts of a bot against a Telegram that misbehaves, through the real grammY. What the control plane would keep is
// kept by the test.
import type { Update } from 'grammy/types';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeliveryView } from '../../machines/contract/frontend-views.ts';
import type { JobView } from '../../machines/contract/views.ts';
import type { Errand, Note } from '../bots/teller.ts';
import { localProblem } from '../client/problem.ts';
import type { FrontendClient } from '../client/frontend.ts';
import { poll } from './polling.ts';
import { TelegramSurface } from './surface.ts';
import { newBot } from './telegram-bot.ts';
import { FakeTelegram, type FakeBot } from './testing/fake-telegram.ts';
import { listen } from './webhook.ts';

let telegram: FakeTelegram;
let bot: FakeBot;
beforeEach(async () => {
  telegram = await FakeTelegram.start();
  bot = telegram.addBot('easel_bot');
  telegram.chat(42);
});
afterEach(() => telegram.stop());
const apiOf = () => newBot({ token: bot.token, apiUrl: telegram.url }).api;
const report = () => undefined;

describe('the offset', () => {
  it('moves only past what is committed, and what was left comes again', async () => {
    telegram.write(bot, { id: 42 }, { text: 'one' });
    telegram.write(bot, { id: 43 }, { text: 'two' });
    const stopped = new AbortController();
    const seen: string[] = [];
    const handle = async ({ message }: Update): Promise<void> => {
      seen.push(message?.text ?? '');
      if (message?.text !== 'two') return;
      stopped.abort();
      throw localProblem('unreachable', 'away');
    };
    await poll({ api: apiOf(), handle, report, pollS: 1 }, stopped.signal);
    expect(seen).toContain('two');
    expect(bot.updates.map(({ message }) => message?.text)).toEqual(['two']);
  });

  it('is not held up by an update that we cannot handle', async () => {
    telegram.write(bot, { id: 42 }, { text: 'bad' });
    telegram.write(bot, { id: 42 }, { text: 'good' });
    const stopped = new AbortController();
    const reported: unknown[] = [];
    const handle = async ({ message }: Update): Promise<void> => {
      if (message?.text === 'bad') throw new Error('ours');
      stopped.abort();
    };
    const told = (_: string, error: unknown) => reported.push(error);
    await poll({ api: apiOf(), handle, report: told, pollS: 1 }, stopped.signal);
    expect(reported).toEqual([new Error('ours')]);
    expect(bot.updates).toEqual([]);
  });
});

describe('a webhook', () => {
  it('hears nobody without the secret, and answers when it is committed', async () => {
    const seen: number[] = [];
    let isAway = true;
    const webhook = {
      url: 'https://x.org/easel',
      secret: 'a'.repeat(20),
      host: '127.0.0.1',
      port: 0,
    };
    const handle = async ({ update_id }: Update): Promise<void> => {
      if (isAway) throw localProblem('unreachable', 'away');
      seen.push(update_id);
    };
    const server = await listen({ webhook, handle, report });
    const { port } = server.address() as { port: number };
    const send = async (secret: string | null, body = '{"update_id": 7}', path = '/easel') => {
      const headers = secret === null ? {} : { 'x-telegram-bot-api-secret-token': secret };
      const url = `http://127.0.0.1:${port}${path}`;
      return (await fetch(url, { method: 'POST', headers, body })).status;
    };
    for (const wrong of [null, '', 'b'.repeat(20), 'A'.repeat(20), 'a'.repeat(19)])
      expect(await send(wrong)).toBe(401);
    expect(await send(webhook.secret, '{')).toBe(400);
    expect(await send(webhook.secret, '{"update_id": 7}', '/other')).toBe(404);
    expect(await send(webhook.secret)).toBe(503);
    isAway = false;
    expect(await send(webhook.secret)).toBe(200);
    expect(seen).toEqual([7]);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('a result', () => {
  const png = sharp({ create: { width: 64, height: 64, channels: 3, background: '#345' } })
    .png()
    .toBuffer();

  async function errandOf(change: Partial<JobView> = {}) {
    const count = change.count ?? 1;
    const output = { url: '', media_type: 'image/png', bytes: 1, width: 64, height: 64, facts: {} };
    const job = {
      ...{ id: `job_${'0'.repeat(26)}`, object: 'job', state: 'succeeded', phase: 'settled' },
      ...{
        modality: 'image',
        model: 'sketch',
        prompt: 'hello @everyone\u202e',
        params: { seed: 5 },
      },
      ...{ position: null, eta: null, attempt: 1, cancellable: false, failure: null, count },
      cost: { tokens: 1, millitokens: 1000, charged_millitokens: 1000 },
      outputs: Array.from({ length: count }, (_, n) => ({ n, ...output })),
      origin: 'telegram-image-1/42/1/en/',
      ...change,
    } as unknown as JobView;
    const kept: { note: Note } = { note: {} };
    const delivery = {
      job,
      person: 'telegram:42',
      bot: 'telegram-image-1',
      chat: '42',
    } as DeliveryView;
    const errand: Errand = {
      delivery,
      get note() {
        return kept.note;
      },
      keep: async (note) => void (kept.note = { ...kept.note, ...note }),
    };
    const bytes = await png;
    const client = {
      actions: async (_: string, meanings: readonly unknown[]) =>
        meanings.map((_m, n) => `act_${n}`),
      output: async () => new Response(new Uint8Array(bytes)),
    } as unknown as FrontendClient;
    const surface = new TelegramSurface({
      ...{ bot: 'telegram-image-1', api: apiOf(), client },
      canEnlarge: async () => false,
      heard: async () => undefined,
    });
    return { errand, surface, kept };
  }

  it('takes the place of the word before it; bringing it again changes nothing', async () => {
    const { errand, surface } = await errandOf();
    expect(await surface.bring(errand)).toEqual({ kind: 'done' });
    expect(await surface.bring(errand)).toEqual({ kind: 'done' });
    const [shown, ...others] = telegram.shown(42);
    expect(others).toEqual([]);
    expect(shown!.media?.kind).toBe('photo');
    expect(shown!.text).toContain(`1 token · job_${'0'.repeat(26)}`);
    // Nobody is mentioned and nothing is turned around.
    expect(shown!.text.startsWith('hello @everyone\n')).toBe(true);
    expect(shown!.entities[0]).toMatchObject({ type: 'code', offset: 0, length: 15 });
    // The second time without its bytes.
    expect(telegram.uploads).toBe(1);
  });

  it('of which Telegram did not say whether it arrived stands there once', async () => {
    const { errand, surface } = await errandOf();
    telegram.misbehave('editMessageMedia', 'dropAfter');
    expect(await surface.bring(errand)).toEqual({ kind: 'again' });
    expect(await surface.bring(errand)).toEqual({ kind: 'done' });
    expect(telegram.shown(42)).toHaveLength(1);
  });

  it('waits as long as Telegram asks', async () => {
    const { errand, surface } = await errandOf();
    telegram.misbehave('sendMessage', { retryAfterS: 17 });
    const wait = { kind: 'wait', ms: 17_000, everywhere: false };
    expect(await surface.bring(errand)).toEqual(wait);
  });

  it('comes anew where its message was deleted, and is dead where nobody is left', async () => {
    const { errand, surface } = await errandOf();
    await surface.bring(errand);
    telegram.delete(telegram.shown(42)[0]!);
    expect(await surface.bring(errand)).toEqual({ kind: 'done' });
    expect(telegram.shown(42)).toHaveLength(1);
    telegram.blocked.add(`${bot.id} 42`);
    expect(await surface.bring(errand)).toMatchObject({
      ...{ kind: 'dead', reason: expect.stringContaining('blocked') as string },
    });
  });

  it('of several pictures is an album, and twice at the most', async () => {
    const { errand, surface } = await errandOf({ count: 3 });
    telegram.misbehave('sendMediaGroup', 'dropAfter', 2);
    expect(await surface.bring(errand)).toEqual({ kind: 'again' });
    expect(await surface.bring(errand)).toEqual({ kind: 'again' });
    expect(await surface.bring(errand)).toMatchObject({
      ...{ kind: 'dead', reason: expect.stringContaining('may have arrived') as string },
    });
    expect(telegram.shown(42).filter(({ media }) => media !== null)).toHaveLength(6);
  });

  it('that there is none says that nothing was charged', async () => {
    const failure = { code: 'outOfMemory' as const, message: '' };
    const { errand, surface } = await errandOf({ state: 'failed', outputs: [], failure });
    await surface.bring(errand);
    expect(telegram.shown(42)[0]!.text).toContain('Nothing was charged: 1 token is yours again.');
  });
});
