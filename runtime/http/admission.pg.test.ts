// What is let in: never what no known worker could do, and then told what would help.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView } from '../../machines/contract/views.ts';
import { offer } from '../testing.ts';
import { startTestRuntime, until, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
beforeAll(async () => {
  runtime = await startTestRuntime();
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
