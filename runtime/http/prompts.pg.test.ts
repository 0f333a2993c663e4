// A prompt on its way through the text engine, and named styles on their way into a job.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DryRunView, ImprovedPromptView, JobView } from '../../machines/contract/views.ts';
import { offer } from '../testing.ts';
import { startOpenaiStage } from './openai/testing.ts';
import { startTestRuntime, until, type TestRuntime } from './testing.ts';

describe('a prompt improver', () => {
  let stage: Awaited<ReturnType<typeof startOpenaiStage>>;
  let key: string;
  beforeAll(async () => {
    stage = await startOpenaiStage();
    ({ key } = await stage.runtime.key('user', 'acc_improver'));
  });
  afterAll(() => stage.stop());

  const improve = (json: object) =>
    stage.runtime.call({ url: '/v1/prompts/improve', key, json, method: 'POST' });
  const ledger = async () =>
    (await stage.runtime.call({ url: '/v1/account/ledger', key })).json().data as {
      job_id: string;
      available_change: number;
    }[];

  it('has the text engine rewrite it, as a job with a receipt', async () => {
    const answer = await improve({ prompt: 'a heron' });
    expect([answer.statusCode, answer.body]).toEqual([200, answer.body]);
    const told = answer.json<ImprovedPromptView>();
    expect(told).toMatchObject({ object: 'improved_prompt', original: 'a heron', improved: true });
    expect(told.job).toMatchObject({ modality: 'text', state: 'succeeded', model: 'writer' });
    expect(told.job.cost.charged_millitokens).toBeGreaterThan(0);
    const paid = (await ledger()).filter(({ job_id }) => job_id === told.job.id);
    expect(paid.reduce((sum, line) => sum + line.available_change, 0)).toBe(
      -told.job.cost.charged_millitokens!,
    );
    const kept = await stage.runtime.call({ url: told.job.outputs[0]!.url, key });
    expect(kept.body).toContain(told.prompt.slice(0, 20));
  });

  it('says what it would cost, and then costs nothing', async () => {
    const before = await ledger();
    const answer = await improve({ prompt: 'a heron', dry_run: true });
    const told = answer.json<DryRunView>();
    expect([told.object, told.model]).toEqual(['dry_run', 'writer']);
    expect(told.cost.millitokens).toBeGreaterThan(0);
    expect(await ledger()).toEqual(before);
  });

  it.each([
    [{ prompt: ' ' }, 400, 'invalid_request'],
    [{ prompt: 'a heron', modality: 'transcript' }, 400, 'invalid_request'],
    [{ prompt: 'a heron', tone: 'gay' }, 400, 'invalid_request'],
    [{ prompt: 'a heron', model: 'nobody' }, 422, 'impossible'],
    // It goes on writing and understands nothing.
    [{ prompt: 'a heron', model: 'parrot' }, 422, 'impossible'],
  ])('refuses %j', async (json, status, code) => {
    const answer = await improve(json);
    expect([answer.statusCode, answer.json().code]).toEqual([status, code]);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });
});

describe('a named style', () => {
  let runtime: TestRuntime;
  let worker: Awaited<ReturnType<TestRuntime['worker']>>;
  let key: string;
  beforeAll(async () => {
    runtime = await startTestRuntime();
    const text = offer('writer', { modality: 'text' });
    worker = await runtime.worker({
      models: [offer(), text],
      loaded: ['sketch', 'writer'],
      slots: 4,
    });
    ({ key } = await runtime.key('user'));
  });
  afterAll(() => runtime.stop());
  const ask = (json: object) => runtime.call({ url: '/v1/jobs', key, json });

  it('is listed for anybody', async () => {
    const { data } = (await runtime.call({ url: '/v1/styles' })).json();
    expect(data.map(({ id }: { id: string }) => id)).toContain('watercolor');
  });

  it('reaches the worker, while the person sees their own words', async () => {
    const asked = { modality: 'image', prompt: 'a heron', style: 'watercolor' };
    const { id } = (await ask({ ...asked, params: { negative_prompt: 'people' } })).json<JobView>();
    await until(() => worker.agent.of('run').some((run) => run.job === id));
    const { prompt, params } = worker.agent.of('run').find((run) => run.job === id)!;
    expect(prompt).toBe('a heron, watercolor painting, soft edges, textured paper');
    expect(params).toMatchObject({ negative_prompt: expect.stringMatching(/^people, photograph/) });
    const seen = (await runtime.call({ url: `/v1/jobs/${id}`, key })).json<JobView>();
    expect(seen).toMatchObject({ prompt: 'a heron', style: 'watercolor', styled_prompt: prompt });
  });

  it('is part of the wish: the same key with another is another wish', async () => {
    const headers = { 'idempotency-key': 'styled' };
    const wish = { modality: 'image', prompt: 'a heron', style: 'line-art' };
    const sent = (json: object) => runtime.call({ url: '/v1/jobs', key, json, headers });
    const first = (await sent(wish)).json<JobView>();
    expect((await sent(wish)).json<JobView>().id).toBe(first.id);
    expect((await sent({ ...wish, style: 'cinematic' })).statusCode).toBe(409);
  });

  it('costs what its params cost, and is refused where it is unknown', async () => {
    const dry = await ask({ modality: 'text', prompt: 'Why?', style: 'concise', dry_run: true });
    expect(dry.json<DryRunView>().params).toMatchObject({ temperature: 0.3 });
    const refused = await ask({ modality: 'text', prompt: 'Why?', style: 'watercolor' });
    expect(refused.statusCode).toBe(400);
    expect(refused.json()).toMatchObject({ errors: [{ at: '/style' }] });
    expect(refused.json().detail).toContain('storybook, concise');
  });
});
