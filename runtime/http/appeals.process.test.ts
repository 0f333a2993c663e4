// Pictures looked at by the real classifier, in its real process: what may not be shown is shown to nobody, costs
// nothing, and can be looked at again by a person. The bounds say that everything is too much, so a harmless one will do.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChildMedia } from '../../adapters/media/child-media.ts';
import { listAudit } from '../../db/queries/audit.ts';
import { listStrikes } from '../../db/queries/strikes.ts';
import type { JobView } from '../../machines/contract/views.ts';
import { offer } from '../testing.ts';
import { blobIdOf, startTestRuntime, until, type TestRuntime } from './testing.ts';

const places = { 'discord:guild:1': 'family', 'discord:guild:2': 'adult' };
const content = {
  levels: { plans: { free: 'adult' }, places },
  pictures: { family: { explicit: 0 } },
};
const origin = 'discord:guild:1';

let folder: string;
let media: ChildMedia;
let runtime: TestRuntime;
let worker: Awaited<ReturnType<TestRuntime['worker']>>;
let bot: string;
let admin: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-looks-'));
  media = await ChildMedia.open(folder);
  runtime = await startTestRuntime({ media, content, config: { checksPictures: true } });
  const inputs = [{ role: 'image', kind: 'image', isRequired: false }] as const;
  worker = await runtime.worker({ models: [offer('sketch', { inputs: [...inputs] })] });
  bot = (await runtime.key('frontend', 'system', 'discord')).key;
  admin = (await runtime.key('admin', 'system')).key;
});
afterAll(async () => {
  await runtime.stop();
  media.stop();
  await rm(folder, { recursive: true });
});

const picture = (background: string) =>
  sharp({ create: { width: 64, height: 64, channels: 3, background } })
    .png()
    .toBuffer();
const person = { 'tessera-user': 'discord:7' };
const ask = (url: string, json?: object, key = bot) =>
  runtime.call({ url, key, headers: key === bot ? person : {}, ...(json ? { json } : {}) });

/** Made, uploaded and reported by a worker. */
async function made(bytes: Buffer, where = origin): Promise<JobView> {
  const json = { modality: 'image', prompt: 'a heron', origin: where };
  const { id } = (await ask('/v1/jobs', json)).json<JobView>();
  await until(() => worker.agent.of('run').some(({ job }) => job === id));
  worker.agent.acknowledgeAll();
  await runtime.call({
    ...{ method: 'PUT', key: worker.key, payload: bytes },
    url: `/v1/workers/jobs/${id}/attempts/1/blobs/${blobIdOf(bytes)}`,
    headers: {
      'content-type': 'application/octet-stream',
      'upload-offset': '0',
      'upload-length': String(bytes.byteLength),
    },
  });
  const output = { blob: blobIdOf(bytes), bytes: bytes.byteLength, mediaType: 'image/png' };
  worker.agent.say({
    type: 'finished',
    job: id,
    attempt: 1,
    outputs: [{ ...output, facts: {} }],
    runMs: 9,
  });
  await until(() => worker.agent.of('settled').some(({ job }) => job === id));
  return (await ask(`/v1/jobs/${id}`)).json<JobView>();
}

describe('a result', () => {
  it('that may not be shown ends refused, unseen and unpaid; granted, it is seen', async () => {
    const bytes = await picture('#284');
    const job = await made(bytes);
    expect(job).toMatchObject({
      ...{ state: 'refused', outputs: [], cost: { charged_millitokens: 0 } },
      failure: { code: 'contentRefused', message: expect.stringContaining('appeal') as string },
    });
    const { id: accountId, ...account } = (await ask('/v1/account')).json();
    expect(account).toMatchObject({ held_millitokens: 0, available_millitokens: 20_000 });
    expect(await listStrikes(runtime.host.pool, accountId, 3_600_000)).toHaveLength(1);
    const output = `/v1/jobs/${job.id}/outputs/0`;
    expect((await ask(output)).json()).toMatchObject({ status: 422, code: 'refused_content' });

    const appealed = await ask(`/v1/jobs/${job.id}/appeal`, { reason: 'It is a green square.' });
    expect([appealed.statusCode, appealed.json().state]).toEqual([202, 'waiting']);
    expect((await ask(output)).statusCode).toBe(422);
    const waiting = (await ask('/v1/admin/appeals', undefined, admin)).json();
    expect(waiting.data).toMatchObject([
      { account: accountId, job: job.id, reason: 'It is a green square.', prompt: 'a heron' },
    ]);
    const decision = `/v1/admin/appeals/${accountId}/${job.id}`;
    expect((await ask(`${decision}/outputs/0`, undefined, admin)).rawPayload.equals(bytes)).toBe(
      true,
    );
    const decided = await ask(decision, { granted: true, answer: 'It is.' }, admin);
    expect(decided.json()).toMatchObject({ state: 'granted', answer: 'It is.', outputs: [output] });
    expect((await ask(decision, { granted: false, answer: 'No.' }, admin)).statusCode).toBe(404);
    expect((await ask(output)).rawPayload.equals(bytes)).toBe(true);
    expect((await ask(`/v1/jobs/${job.id}/appeal`)).json()).toMatchObject({ state: 'granted' });
    expect(await listStrikes(runtime.host.pool, accountId, 3_600_000)).toEqual([]);
    const [noted] = await listAudit(runtime.host.pool, 'system', { limit: 1 });
    expect(noted).toMatchObject({ action: 'appeal.decided' });
  });

  it('is shown where it may be', async () => {
    expect(await made(await picture('#842'), 'discord:guild:2')).toMatchObject({
      ...{ state: 'succeeded', outputs: [{ n: 0 }] },
    });
    const metrics = await runtime.host.metrics.text();
    expect(metrics).toMatch(/tessera_pictures_checked_total\{outcome="hidden"\} 1/);
  });

  it('that cannot be looked at is not shown, and the next one is looked at again', async () => {
    const broken = await made(
      Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(99)]),
    );
    expect(broken).toMatchObject({ state: 'refused', outputs: [] });
    expect(broken.failure?.message).toContain('could not be checked');
    expect((await made(await picture('#111'))).failure?.message).toContain('appeal');
  });

  it('there is nothing to appeal of one that is shown', async () => {
    const job = await made(await picture('#222'), 'discord:guild:2');
    const refused = await ask(`/v1/jobs/${job.id}/appeal`, { reason: 'Because.' });
    expect(refused.json()).toMatchObject({ status: 409, code: 'not_refused' });
    expect((await ask(`/v1/jobs/${job.id}/appeal`)).statusCode).toBe(404);
  });
});

describe('an input', () => {
  it('that shows too much for the place is not worked on', async () => {
    const sent = await runtime.call({
      ...{ method: 'POST', url: '/v1/blobs', key: bot, payload: await picture('#333') },
      headers: { ...person, 'content-type': 'image/png' },
    });
    const inputs = [{ blob: sent.json().id }];
    const json = { modality: 'image', prompt: 'a heron', inputs };
    const there = await ask('/v1/jobs', { ...json, origin });
    expect(there.json()).toMatchObject({ status: 422, code: 'refused_content', rule: 'picture' });
    const elsewhere = { ...json, origin: 'discord:guild:2' };
    expect((await ask('/v1/jobs', elsewhere)).statusCode).toBe(202);
  });
});
