// What is let in: never what no known worker could do, nor more than a line takes, and then told what would help.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quotaRef } from '../../machines/contract/ids.ts';
import type { AlternativeView, JobView, Problem } from '../../machines/contract/views.ts';
import { offer } from '../testing.ts';
import { startTestRuntime, until, type TestRuntime } from './testing.ts';

const MINUTE_MS = 60_000;
/** Nine jobs of a minute fit, and six tenths of a tenth. */
const QUEUE_BOUND_MS = 9.6 * MINUTE_MS;

let runtime: TestRuntime;
beforeAll(async () => {
  const [free, pro] = [QUEUE_BOUND_MS, 2 * QUEUE_BOUND_MS];
  const queueBoundsMs = { free, starter: free, pro };
  runtime = await startTestRuntime({ config: { queueBoundsMs, recordingMinutesMax: 200 } });
});
afterAll(() => runtime.stop());

let people = 0;
const newcomer = async () => (await runtime.key('user', `acc_${++people}`)).key;
const ask = (key: string, json: object, headers = {}) =>
  runtime.call({
    url: '/v1/jobs',
    key,
    json: { modality: 'image', prompt: 'a heron', ...json },
    headers,
  });
const card = (gigabytes: number) => ({ name: `${gigabytes} GB card`, vramBytes: gigabytes * 1e9 });
const flux = offer('flux', { name: 'Flux', vramBytes: 14e9 });

describe('a model that is too large for every card', () => {
  it('is refused with what would help, and not in the catalogue', async () => {
    await runtime.worker({ gpu: card(8), models: [flux, offer('sketch')] });
    const refused = await ask(await newcomer(), { model: 'flux' });
    expect([refused.statusCode, refused.json().code]).toEqual([422, 'impossible']);
    expect(refused.json().detail).toBe(
      'Flux needs 14 GB of graphics memory, and the largest card of a worker that has it (8 GB card) has ' +
        '8 GB. Connect a worker with a larger card, or name a smaller model.',
    );
    expect((await runtime.call({ url: '/v1/models/flux' })).statusCode).toBe(404);
    // Who names no model gets one that fits.
    expect((await ask(await newcomer(), {})).json<JobView>().model).toBe('sketch');
  });

  it('is taken once a worker with a larger card is known, and goes to no other', async () => {
    const { agent } = await runtime.worker({ gpu: card(16), models: [flux] });
    const made = await ask(await newcomer(), { model: 'flux' });
    expect(made.statusCode).toBe(202);
    await until(() => agent.of('run').some(({ job }) => job === made.json<JobView>().id));
  });

  it('waits, and says so, while that worker is away', async () => {
    const { agent } = await runtime.worker({ models: [offer('far')] });
    agent.cut();
    await until(() =>
      runtime.host.dispatcher.models().some((it) => it.id === 'far' && it.status === 'offline'),
    );
    const waits = await ask(await newcomer(), { model: 'far' });
    expect(waits.statusCode).toBe(202);
    expect(waits.json<JobView>()).toMatchObject({
      state: 'queued',
      eta: { reason: expect.stringContaining('no worker') },
    });
  });
});

describe('a size that the engine would refuse', () => {
  it('is refused before anything is held', async () => {
    const limits = { ranges: { width: { min: 256, max: 2048 } } };
    await runtime.worker({ models: [offer('bounded', { limits })] });
    const key = await newcomer();
    const refused = await ask(key, { model: 'bounded', params: { width: 64 } });
    expect([refused.statusCode, refused.json().detail]).toEqual([
      422,
      'bounded cannot do this: its width may be from 256 to 2048, not 64.',
    ]);
    const model = (await runtime.call({ url: '/v1/models/bounded' })).json();
    expect(model.limits).toEqual(limits);
    expect((await runtime.call({ key, url: '/v1/jobs' })).json().data).toEqual([]);
  });
});

/** Of a refusal: each alternative, put over the request, by somebody who has as much as the one refused. */
async function tryEach(problem: Problem, request: object, asker: () => Promise<string>) {
  const answers: [AlternativeView, number, JobView][] = [];
  for (const alternative of problem.cheaper!) {
    const { cost: _cost, eta: _eta, ...patch } = alternative;
    const key = await asker();
    const made = await ask(key, { ...request, ...patch });
    answers.push([alternative, made.statusCode, made.json<JobView>()]);
    await runtime.call({ method: 'POST', url: `/v1/jobs/${made.json().id}/cancel`, key });
  }
  return answers;
}

/** A WAV of silence that takes a thousand bytes a second. */
function recording(seconds: number): Buffer {
  const head = Buffer.alloc(44);
  head.write('RIFF....WAVEfmt ', 0, 'latin1');
  head.writeUInt32LE(1000, 28);
  return Buffer.concat([head, Buffer.alloc(seconds * 1000)]);
}

describe('a recording', () => {
  it('may take as long as it is, and costs what it is long', async () => {
    const audio = { role: 'audio', kind: 'audio', isRequired: true } as const;
    const whisper = offer('whisper', { modality: 'transcript', runMs: 5000, inputs: [audio] });
    const { agent } = await runtime.worker({ slots: 2, models: [whisper] });
    const limits: number[] = [];
    for (const seconds of [60, 3 * 3600]) {
      const { key } = await runtime.key('user', `acc_of_${seconds}`);
      const ref = quotaRef(`acc_of_${seconds}`);
      await runtime.core.turns.post(ref, { type: 'plan.changed', plan: 'pro' });
      const upload = {
        method: 'POST',
        url: '/v1/blobs',
        key,
        payload: recording(seconds),
      } as const;
      const headers = { 'content-type': 'audio/wav' };
      const { id: blob } = (await runtime.call({ ...upload, headers })).json();
      const made = await ask(key, { modality: 'transcript', inputs: [{ blob }] });
      expect(made.json<JobView>().cost.tokens).toBeCloseTo(seconds / 60, 2);
      const { id } = made.json<JobView>();
      await until(() => agent.of('run').some(({ job }) => job === id));
      limits.push(agent.of('run').find(({ job }) => job === id)!.timeLimitMs);
    }
    // At 5 s a minute the three hours take fifteen minutes.
    expect(limits[0]).toBeLessThan(5 * MINUTE_MS);
    expect(limits[1]).toBeGreaterThan(60 * MINUTE_MS);
  });
});

describe('the line of a tier', () => {
  const slow = { model: 'slow' };
  const filled: { key: string; id: string }[] = [];
  const keyed = { 'idempotency-key': 'the-last-place' };

  beforeAll(async () => {
    await runtime.worker({
      models: [offer('slow', { runMs: MINUTE_MS }), offer('quick', { runMs: 5000 })],
    });
    // One for the worker, nine to wait.
    for (let n = 0; n < 10; n++) {
      const key = await newcomer();
      const made = await ask(key, slow, keyed);
      expect(made.statusCode).toBe(202);
      filled.push({ key, id: made.json().id });
    }
  });

  it('is full at its bound, with when to come back', async () => {
    const full = await ask(await newcomer(), slow);
    expect([full.statusCode, full.json().code]).toEqual([429, 'queue_full']);
    // Nine minutes wait, one more would be four tenths of a minute too much.
    expect(full.headers['retry-after']).toBe('24');
    expect(full.json()).toMatchObject({
      retry_after_s: 24,
      plan: 'free',
      queue_s: 540,
      queue_max_s: 576,
      detail:
        'The line for slow on the plan free is full: about 9 min of work waits in it, and it takes 10 min. ' +
        'Try again in about 24 s.',
    });
    expect((await ask(await newcomer(), { ...slow, dry_run: true })).statusCode).toBe(429);
  });

  it('offers what there is room for, and takes it', async () => {
    const wish = { ...slow, count: 2 };
    const problem = (await ask(await newcomer(), wish)).json<Problem>();
    const answers = await tryEach(problem, wish, newcomer);
    expect(answers.map(([, status]) => status)).toEqual([202, 202, 202]);
    expect(answers.map(([{ model, params, count }]) => ({ model, params, count }))).toEqual([
      { params: { width: 512, height: 512 } },
      { model: 'sketch' },
      { params: { width: 768, height: 768 }, count: 1 },
    ]);
    for (const [{ cost, eta }, , job] of answers) {
      expect(job.cost).toEqual(cost);
      expect(eta).toMatchObject({ min_s: expect.any(Number), reason: expect.any(String) });
    }
  });

  it('takes another model where none was named', async () => {
    const other = { modality: 'audio', prompt: 'x'.repeat(1000) };
    await runtime.worker({
      models: [
        offer('slow-voice', { modality: 'audio', runMs: 5 * MINUTE_MS }),
        offer('quick-voice', { modality: 'audio', runMs: 5000 }),
      ],
      loaded: ['slow-voice'],
    });
    const models: string[] = [];
    for (let n = 0; n < 4; n++) models.push((await ask(await newcomer(), other)).json().model);
    expect(models).toEqual(['slow-voice', 'slow-voice', 'quick-voice', 'quick-voice']);
  });

  it('is another one for another plan', async () => {
    const key = await newcomer();
    const plan = 'pro';
    await runtime.host.turns.post(quotaRef(`acc_${people}`), { type: 'plan.changed', plan });
    expect((await ask(key, slow)).statusCode).toBe(202);
  });

  it('gives whoever was let in their job again, and a place to the next when one goes', async () => {
    const last = filled.at(-1)!;
    const again = await ask(last.key, slow, keyed);
    expect([again.statusCode, again.json().id]).toEqual([202, last.id]);
    const next = await newcomer();
    expect((await ask(next, slow)).statusCode).toBe(429);
    await runtime.call({ method: 'POST', url: `/v1/jobs/${last.id}/cancel`, key: last.key });
    expect((await ask(next, slow)).statusCode).toBe(202);
  });

  it('is not for one person alone', async () => {
    await runtime.worker({ models: [offer('own', { runMs: 2 * MINUTE_MS })] });
    const key = await newcomer();
    const statuses: number[] = [];
    for (let n = 0; n < 4; n++) statuses.push((await ask(key, { model: 'own' })).statusCode);
    // One runs; two make four minutes of the four and eight tenths that are one person's.
    expect(statuses).toEqual([202, 202, 202, 429]);
    const refused = (await ask(key, { model: 'own' })).json<Problem>();
    expect(refused.detail).toMatch(/^Of this account about 4 min of work waits for own already/);
    expect((await ask(await newcomer(), { model: 'own' })).statusCode).toBe(202);
  });
});

describe('a wish that costs more than there is', () => {
  it('is told with what can be afforded, and that is taken', async () => {
    await runtime.worker({ models: [offer('canvas', { runMs: 1000 })] });
    const spent = async () => {
      const key = await newcomer();
      const all = { model: 'canvas', count: 8, params: { width: 1536, height: 1536 } };
      const made = await ask(key, all);
      expect(made.json<JobView>().cost.tokens).toBe(18);
      return key;
    };
    const wish = {
      model: 'canvas',
      count: 4,
      params: { width: 1024, height: 1024, style: undefined },
    };
    const refused = await ask(await spent(), wish);
    expect([refused.statusCode, refused.json().code]).toEqual([402, 'insufficient_tokens']);
    const answers = await tryEach(refused.json(), wish, spent);
    expect(answers.map(([, status]) => status)).toEqual([202, 202, 202]);
    expect(answers.map(([{ cost }]) => cost.tokens)).toEqual([1, 2, 0.563]);
  });

  it('offers nothing where nothing would help', async () => {
    await runtime.worker({ models: [offer('ear', { modality: 'text' })] });
    const key = await newcomer();
    const all = { model: 'canvas', count: 5, params: { width: 2048, height: 2048 } };
    expect((await ask(key, all)).statusCode).toBe(202);
    const refused = await ask(key, { model: 'ear', modality: 'text', params: { max_tokens: 16 } });
    expect([refused.statusCode, refused.json().cheaper]).toEqual([402, []]);
  });
});
