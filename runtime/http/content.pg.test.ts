// What may not be asked for: refused inside the POST, for whoever asks and however, with nothing left behind.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView } from '../../machines/contract/views.ts';
import { offer } from '../testing.ts';
import { startTestRuntime, type TestRuntime } from './testing.ts';

const levels = {
  plans: { free: 'adult' },
  places: { 'discord:guild:1': 'family', 'discord:guild:1/channel:2': 'adult' },
};
const chat = {
  ...offer('talk'),
  modality: 'text' as const,
  inputs: [{ role: 'messages', kind: 'text' as const, isRequired: false }],
};

let runtime: TestRuntime;
beforeAll(async () => {
  runtime = await startTestRuntime({ content: { levels } });
  await runtime.worker({ models: [offer('sketch'), chat] });
});
afterAll(() => runtime.stop());

let people = 0;
const newcomer = async () => (await runtime.key('user', `acc_${++people}`)).key;
const ask = (key: string, more: object, headers = {}) =>
  runtime.call({ url: '/v1/jobs', key, json: { modality: 'image', ...more }, headers });
const NEVER = 'a naked child';
const ADULT = 'an erotic painting of a woman';

describe('what is made for nobody', () => {
  it('is refused in words, and nothing is left of it', async () => {
    const key = await newcomer();
    const refused = await ask(key, { prompt: NEVER });
    expect(refused.statusCode).toBe(422);
    expect(refused.json()).toMatchObject({
      code: 'refused_content',
      rule: 'minors-undressed',
      detail: 'Nothing that undresses children or young people is made here, for anybody.',
    });
    const jobs = await runtime.call({ url: '/v1/jobs', key });
    expect(jobs.json<{ data: JobView[] }>().data).toEqual([]);
    const account = await runtime.call({ url: '/v1/account', key });
    expect(account.json()).toMatchObject({ held_millitokens: 0, available_millitokens: 20_000 });
  });

  it('does not use up its key', async () => {
    const key = await newcomer();
    const headers = { 'idempotency-key': 'k1' };
    expect((await ask(key, { prompt: NEVER }, headers)).statusCode).toBe(422);
    const made = await ask(key, { prompt: 'a heron at dawn' }, headers);
    expect(made.statusCode).toBe(202);
    expect(made.headers['idempotent-replayed']).toBeUndefined();
  });

  it('is refused as a dry run, in a style and in lyrics; what is not wanted may be named', async () => {
    const key = await newcomer();
    expect((await ask(key, { prompt: NEVER, dry_run: true })).json().code).toBe('refused_content');
    const style = { prompt: 'a child', params: { style: 'naked' } };
    expect((await ask(key, style)).json().code).toBe('refused_content');
    const careful = { prompt: 'a child', params: { negative_prompt: 'naked, nsfw' } };
    expect((await ask(key, careful)).statusCode).toBe(202);
  });
});

describe('what is made for some', () => {
  it('goes by the place, where a frontend says it', async () => {
    const { key } = await runtime.key('frontend', 'system', 'discord');
    const asked = async (origin: string) =>
      (await ask(key, { prompt: ADULT, origin }, { 'tessera-user': 'discord:7' })).statusCode;
    expect(await asked('discord:guild:1')).toBe(422);
    expect(await asked('discord:guild:1/channel:3')).toBe(422);
    expect(await asked('discord:guild:1/channel:2')).toBe(202);
    expect(await asked('discord:guild:9')).toBe(422);
  });

  it('is not opened by a place that a program of one’s own names', async () => {
    const key = await newcomer();
    const asked = { prompt: ADULT, origin: 'discord:guild:1' };
    expect((await ask(key, asked)).statusCode).toBe(202);
  });
});

describe('by the calls that OpenAI’s clients know', () => {
  it('is refused in their envelope, in the prompt and in what was said before', async () => {
    const key = await newcomer();
    const picture = await runtime.call({
      ...{ url: '/v1/images/generations', key, json: { prompt: NEVER } },
    });
    expect(picture.statusCode).toBe(400);
    expect(picture.json().error.code).toBe('content_policy_violation');
    const said = (content: string) => ({ role: 'user', content });
    const before = [said('an erotic story about a schoolgirl'), said('go on')];
    const chatted = await runtime.call({
      ...{ url: '/v1/chat/completions', key, json: { model: 'talk', messages: before } },
    });
    expect(chatted.json().error.code).toBe('content_policy_violation');
  });
});
