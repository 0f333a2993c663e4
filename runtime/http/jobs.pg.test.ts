// Jobs as a client meets them: made once, priced, listed, cancelled, each account its own.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quotaRef, workerRef } from '../../machines/contract/ids.ts';
import type { AccountView, JobView } from '../../machines/contract/views.ts';
import { makeCore } from '../core.ts';
import { everyFileIsStored, offer } from '../testing.ts';
import { startTestRuntime, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
beforeAll(async () => {
  runtime = await startTestRuntime();
  await runtime.worker();
});
afterAll(() => runtime.stop());

const picture = { modality: 'image', prompt: 'a heron at dawn' };
let people = 0;
/** Somebody new, with a full day's allowance. */
const newcomer = async () => (await runtime.key('user', `acc_${++people}`)).key;
const make = (key: string, json: object = picture, headers = {}) =>
  runtime.call({ url: '/v1/jobs', key, json, headers });
const get = (key: string, url: string) => runtime.call({ key, url });
const account = async (key: string): Promise<AccountView> => (await get(key, '/v1/account')).json();
const cancel = (key: string, id: string) =>
  runtime.call({ method: 'POST', url: `/v1/jobs/${id}/cancel`, key });

describe('making a job', () => {
  it('answers with the job, where it lies and what is held for it', async () => {
    const ann = await newcomer();
    const made = await make(ann);
    expect(made.statusCode).toBe(202);
    expect(made.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(made.headers['x-request-id']).toMatch(/^req_/);
    expect(made.headers['cache-control']).toBe('no-store');
    const job = made.json<JobView>();
    expect(job).toMatchObject({ object: 'job', modality: 'image', prompt: picture.prompt });
    expect(job.cost).toEqual({ tokens: 1, millitokens: 1000, charged_millitokens: null });
    expect(made.headers['location']).toBe(`/v1/jobs/${job.id}`);
    expect((await get(ann, `/v1/jobs/${job.id}`)).json()).toMatchObject({ id: job.id });
    expect(await account(ann)).toMatchObject({
      available_millitokens: 19_000,
      held_millitokens: 1000,
    });
  });

  it('turns nobody down for a worker that has just come to another runtime', async () => {
    const ann = await newcomer();
    const fresh = { ...picture, model: 'fresh' };
    expect((await make(ann, fresh)).json().code).toBe('impossible');
    const { store, clock, ids } = runtime.host;
    const elsewhere = makeCore({
      ...{ store, clock, ids, runtimeId: 'elsewhere', version: 'test' },
      isStored: everyFileIsStored,
      log: () => undefined,
    });
    const said = { name: 'new', version: '1', gpu: null, slots: 1, models: [offer('fresh')] };
    await elsewhere.turns.post(workerRef('wrk_elsewhere'), {
      ...{ type: 'worker.connected', epoch: 'boot-1', runtime: 'elsewhere' },
      ...{ offer: said, loaded: [], attempts: [] },
    });
    expect((await make(ann, fresh)).statusCode).toBe(202);
  });

  it('prices without making, as often as one likes', async () => {
    const ann = await newcomer();
    const headers = { 'idempotency-key': 'quote' };
    for (let times = 0; times < 2; times++) {
      const quoted = await make(ann, { ...picture, count: 3, dry_run: true }, headers);
      expect(quoted.statusCode).toBe(200);
      expect(quoted.json()).toMatchObject({
        object: 'dry_run',
        cost: { millitokens: 3000 },
        affordable: true,
      });
    }
    expect((await get(ann, '/v1/jobs')).json().data).toEqual([]);
    expect(await account(ann)).toMatchObject({ available_millitokens: 20_000 });
    // The key was not used up by the quotes.
    expect((await make(ann, picture, headers)).statusCode).toBe(202);
  });

  it('gives one job for one key, also to a hundred at once', async () => {
    const ann = await newcomer();
    const headers = { 'idempotency-key': 'one-and-only' };
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => make(ann, picture, headers)),
    );
    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([202]));
    expect(new Set(answers.map((answer) => answer.json().id)).size).toBe(1);
    const replayed = answers.filter((answer) => answer.headers['idempotent-replayed'] === 'true');
    expect(replayed).toHaveLength(99);
    expect(await account(ann)).toMatchObject({ available_millitokens: 19_000 });
  });

  it('refuses the same key for another request', async () => {
    const ann = await newcomer();
    const headers = { 'idempotency-key': 'k' };
    const first = await make(ann, picture, headers);
    const other = await make(ann, { ...picture, prompt: 'a crane' }, headers);
    expect(other.statusCode).toBe(409);
    expect(other.json().code).toBe('idempotency_conflict');
    // Written differently it is still the same request.
    const same = await make(ann, { prompt: picture.prompt, modality: 'image', count: 1 }, headers);
    expect(same.json().id).toBe(first.json().id);
    // And somebody else's key is another key.
    const bob = await newcomer();
    expect((await make(bob, { ...picture, prompt: 'a crane' }, headers)).statusCode).toBe(202);
  });

  it('spends the last token once, whoever asks at the same time', async () => {
    const ann = await newcomer();
    expect((await make(ann, { ...picture, count: 8 })).statusCode).toBe(202);
    expect((await make(ann, { ...picture, count: 8 })).statusCode).toBe(202);
    expect((await make(ann, { ...picture, count: 3 })).statusCode).toBe(202);
    expect(await account(ann)).toMatchObject({ available_millitokens: 1000 });
    const answers = await Promise.all(Array.from({ length: 1000 }, () => make(ann)));
    const count = (status: number) => answers.filter((each) => each.statusCode === status).length;
    expect([count(202), count(402)]).toEqual([1, 999]);
    expect(answers.find((each) => each.statusCode === 402)!.json()).toMatchObject({
      code: 'insufficient_tokens',
      needed_millitokens: 1000,
      available_millitokens: 0,
      resets_at: (await account(ann)).resets_at,
    });
    expect((await get(ann, '/v1/jobs')).json().data).toHaveLength(4);
  });
});

describe('a suspended account', () => {
  it('starts nothing new, and still sees what it has', async () => {
    const ann = await newcomer();
    const { id } = (await make(ann)).json<JobView>();
    const standing = 'suspended';
    await runtime.host.turns.post(quotaRef(`acc_${people}`), {
      type: 'standing.changed',
      standing,
    });
    const refused = await make(ann);
    expect([refused.statusCode, refused.json().code]).toEqual([403, 'suspended']);
    expect((await get(ann, `/v1/jobs/${id}`)).statusCode).toBe(200);
    expect((await cancel(ann, id)).statusCode).toBe(200);
    expect(await account(ann)).toMatchObject({ standing, held_millitokens: 0 });
  });
});

describe('looking at jobs', () => {
  it('goes through all of them page by page, newest first', async () => {
    const ann = await newcomer();
    const made: string[] = [];
    for (let n = 0; n < 5; n++) made.push((await make(ann)).json<JobView>().id);
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page = await get(ann, `/v1/jobs?limit=2${cursor && `&cursor=${cursor}`}`);
      expect(page.statusCode).toBe(200);
      const list = page.json<{ data: JobView[]; next_cursor: string | null }>();
      expect(list.data.length).toBeLessThanOrEqual(2);
      seen.push(...list.data.map(({ id }) => id));
      cursor = list.next_cursor;
    }
    expect(seen).toEqual(made.reverse());
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'limit=1e1', 'cursor=%00', 'cursor=W10', 'page=2'])(
    'refuses a page that does not exist: %s',
    async (query) => {
      const refused = await get(await newcomer(), `/v1/jobs?${query}`);
      expect(refused.statusCode).toBe(400);
      expect(refused.json()).toMatchObject({ code: 'invalid_request', errors: [{}] });
    },
  );
});

describe('cancelling', () => {
  it('gives everything back, and may be repeated', async () => {
    const ann = await newcomer();
    const { id } = (await make(ann)).json<JobView>();
    const first = await cancel(ann, id);
    expect(first.statusCode).toBe(200);
    const again = await cancel(ann, id);
    expect(again.statusCode).toBe(200);
    expect(again.json()).toMatchObject({ id, state: 'cancelled', cancellable: false });
    expect(await account(ann)).toMatchObject({
      available_millitokens: 20_000,
      held_millitokens: 0,
    });
  });

  it('touches nobody else', async () => {
    const [ann, bob] = [await newcomer(), await newcomer()];
    const { id } = (await make(ann)).json<JobView>();
    expect((await cancel(bob, id)).statusCode).toBe(404);
    expect((await get(bob, `/v1/jobs/${id}`)).statusCode).toBe(404);
    expect((await get(bob, `/v1/jobs/${id}/outputs/0`)).statusCode).toBe(404);
    expect((await get(bob, '/v1/jobs')).json().data).toEqual([]);
    expect((await get(ann, `/v1/jobs/${id}`)).json().state).not.toBe('cancelled');
  });

  it.each([
    'job_unknown',
    'job_00000000000000000000000000',
    '%00',
    '..%2f..',
    'job_' + 'x'.repeat(300),
  ])('of what is no job is refused: %s', async (id) => {
    const refused = await cancel(await newcomer(), id);
    expect(refused.statusCode).toBe(404);
    expect(refused.json().code).toBe('not_found');
  });
});

describe('the ledger', () => {
  it('has a line for everything that changed the balance', async () => {
    const ann = await newcomer();
    const { id } = (await make(ann)).json<JobView>();
    await cancel(ann, id);
    const { data } = (await get(ann, '/v1/account/ledger')).json();
    expect(data.map((line: { posting: number }) => line.posting)).toEqual([3, 2, 1]);
    expect(data[1]).toMatchObject({ job_id: id, available_change: -1000, held_change: 1000 });
    expect(data[0]).toMatchObject({
      job_id: id,
      available_change: 1000,
      held_change: -1000,
      available_after: 20_000,
      held_after: 0,
    });
    const page = (await get(ann, '/v1/account/ledger?limit=2')).json();
    expect(page.data).toEqual(data.slice(0, 2));
    const rest = (await get(ann, `/v1/account/ledger?cursor=${page.next_cursor}`)).json();
    expect(rest).toMatchObject({ data: [data[2]], next_cursor: null });
  });
});
