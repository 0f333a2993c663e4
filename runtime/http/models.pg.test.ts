// Models and what may be asked of them: shown in the catalogue, enforced at submit and in dry runs.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quotaRef, SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import type { JobView } from '../../machines/contract/views.ts';
import { ModelRules } from '../model-rules.ts';
import { offer } from '../testing.ts';
import { PNG, startTestRuntime, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
beforeAll(async () => {
  runtime = await startTestRuntime({
    modelRules: new ModelRules([
      { models: ['flux*'], plans: ['starter', 'pro'], note: 'Starter costs $5 a month.' },
      { models: ['house'], roles: ['user'] },
    ]),
  });
  const image = { role: 'image', kind: 'image', isRequired: true } as const;
  await runtime.worker({
    models: [
      offer('flux-dev', { name: 'Flux Dev' }),
      offer('sketch'),
      offer('house'),
      offer('editor', { inputs: [image], loras: ['ink'], scales: [2] }),
      offer('sound', { modality: 'audio', formats: ['mp3'] }),
    ],
  });
});
afterAll(() => runtime.stop());

let people = 0;
const newcomer = async () => {
  const account = `acc_${++people}`;
  return { account, key: (await runtime.key('user', account)).key };
};
const ask = (key: string, json: object, headers = {}) =>
  runtime.call({
    url: '/v1/jobs',
    key,
    json: { modality: 'image', prompt: 'a heron', ...json },
    headers,
  });
const told = (answer: Awaited<ReturnType<typeof ask>>) => [answer.statusCode, answer.json().code];
const upload = async (key: string): Promise<string> => {
  const headers = { 'content-type': 'image/png' };
  const answer = await runtime.call({
    ...{ method: 'POST', url: '/v1/blobs', key, payload: PNG, headers },
  });
  return answer.json().id;
};

describe('a model that is not for every plan', () => {
  it('says so in the catalogue', async () => {
    const { data } = (await runtime.call({ url: '/v1/models' })).json();
    const of = (id: string) => data.find((model: { id: string }) => model.id === id).allowed_for;
    expect(of('flux-dev')).toEqual({
      plans: ['starter', 'pro'],
      roles: ['user', 'frontend', 'admin'],
      note: 'Starter costs $5 a month.',
    });
    expect(of('sketch').plans).toEqual(['free', 'starter', 'pro']);
    expect(of('house').roles).toEqual(['user']);
    const one = await runtime.call({ url: '/v1/models/flux-dev' });
    expect(one.json().allowed_for).toEqual(of('flux-dev'));
  });

  it('is refused with what would help, in dry runs, too', async () => {
    const { key } = await newcomer();
    for (const dry_run of [false, true]) {
      const answer = await ask(key, { model: 'flux-dev', dry_run });
      expect(told(answer)).toEqual([403, 'model_not_allowed']);
      expect(answer.json()).toMatchObject({
        detail:
          'Flux Dev needs the plan starter or pro, and this account has the plan free. Starter costs $5 a month.',
        model: 'flux-dev',
        allowed_for: { plans: ['starter', 'pro'] },
      });
    }
    expect((await runtime.call({ key, url: '/v1/jobs' })).json().data).toEqual([]);
  });

  it('opens with the plan; what was accepted stays accepted when the plan ends', async () => {
    const { key, account } = await newcomer();
    const change = (plan: 'free' | 'pro') =>
      runtime.host.turns.post(quotaRef(account), { type: 'plan.changed', plan });
    await change('pro');
    const headers = { 'idempotency-key': 'wish-1' };
    const made = await ask(key, { model: 'flux-dev' }, headers);
    expect(made.statusCode).toBe(202);
    await change('free');
    const again = await ask(key, { model: 'flux-dev' }, headers);
    expect([again.statusCode, again.json().id]).toEqual([202, made.json().id]);
    expect(told(await ask(key, { model: 'flux-dev' }))).toEqual([403, 'model_not_allowed']);
  });

  it('is not chosen for somebody who may not use it', async () => {
    const answer = await ask((await newcomer()).key, { dry_run: true });
    expect(answer.json().model).not.toBe('flux-dev');
  });

  it('may be closed to frontends', async () => {
    const bot = (await runtime.key('frontend', SYSTEM_ACCOUNT, 'telegram')).key;
    const answer = await ask(bot, { model: 'house' }, { 'tessera-user': 'telegram:7' });
    expect(told(answer)).toEqual([403, 'model_not_allowed']);
    expect((await ask((await newcomer()).key, { model: 'house' })).statusCode).toBe(202);
  });
});

describe('what a model takes', () => {
  it('is in the catalogue', async () => {
    expect((await runtime.call({ url: '/v1/models/editor' })).json()).toMatchObject({
      inputs: [{ role: 'image', kind: 'image', required: true }],
      loras: ['ink'],
      scales: [2],
      formats: [],
    });
    expect((await runtime.call({ url: '/v1/models/sound' })).json().formats).toEqual(['mp3']);
  });

  it('decides about files, before anything is held for them', async () => {
    const { key } = await newcomer();
    const blob = await upload(key);
    const refused = async (model: string, inputs: object[]) => {
      const answer = await ask(key, { model, inputs, dry_run: true });
      return [answer.statusCode, answer.json().detail];
    };
    expect(await refused('sketch', [{ blob }])).toEqual([
      ...[422, 'sketch cannot do this: it takes no files.'],
    ]);
    expect(await refused('editor', [])).toEqual([
      ...[422, 'editor cannot do this: it needs a picture as its input "image".'],
    ]);
    const twice = [
      { blob, role: 'image' },
      { blob, role: 'image' },
    ];
    expect((await ask(key, { model: 'editor', inputs: twice })).json()).toMatchObject({
      code: 'invalid_request',
      errors: [{ at: '/inputs/1/role' }],
    });
    // A file without a role goes where it fits; and who names no model gets one that takes it.
    const made = await ask(key, { inputs: [{ blob }] });
    expect([made.statusCode, made.json<JobView>().model]).toEqual([202, 'editor']);
  });

  it('needs no words to enlarge a picture', async () => {
    const { key } = await newcomer();
    const inputs = [{ blob: await upload(key) }];
    const wish = { prompt: '', dry_run: true, inputs };
    expect((await ask(key, { ...wish, params: { scale: 2 } })).json()).toMatchObject({
      ...{ model: 'editor', params: { scale: 2 } },
    });
    expect(told(await ask(key, wish))).toEqual([400, 'invalid_request']);
    expect(told(await ask(key, { ...wish, params: { scale: 3 } }))).toEqual([422, 'impossible']);
  });

  it('is what comes out where no format was asked for', async () => {
    const { key } = await newcomer();
    const speech = { modality: 'audio', dry_run: true };
    expect((await ask(key, speech)).json().params.format).toBe('mp3');
    expect(told(await ask(key, { ...speech, params: { format: 'wav' } }))).toEqual([
      ...[422, 'impossible'],
    ]);
  });
});
