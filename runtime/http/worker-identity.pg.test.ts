// Who a worker is, and what it may: its own attempts, and nothing of anybody else. What it is refused is
// written down.
import type { AddressInfo } from 'node:net';
import { sql } from 'slonik';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listAudit } from '../../db/queries/audit.ts';
import { SYSTEM_ACCOUNT, workerRef } from '../../machines/contract/ids.ts';
import type { JobView, WorkerKeyView } from '../../machines/contract/views.ts';
import { makeEnrolment, makeKey, parseKey, workerIdOf } from '../keys.ts';
import { offer } from '../testing.ts';
import { blobIdOf, PNG, startTestRuntime, until, type TestRuntime } from './testing.ts';
import { dialIn, helloOf, tapped } from './worker-testing.ts';

let runtime: TestRuntime;
let port: number;
let admin: string;
beforeAll(async () => {
  runtime = await startTestRuntime();
  await runtime.app.listen({ host: '127.0.0.1', port: 0 });
  port = (runtime.app.server.address() as AddressInfo).port;
  admin = (await runtime.key('admin', SYSTEM_ACCOUNT)).key;
});
afterAll(() => runtime.stop());

const audited = async (action: string) => {
  const rows = await listAudit(runtime.host.pool, SYSTEM_ACCOUNT, { limit: 200 });
  return rows
    .filter((row) => row.action === action)
    .map(({ by, details }) => ({ by, ...(JSON.parse(details) as object) }));
};
/** What a socket was refused is written down beside it: asked again until it is there. */
const noted = async (action: string) => {
  for (;;) {
    const rows = await audited(action);
    if (rows.length > 0) return rows;
  }
};
const makeToken = async (json: object = {}): Promise<string> =>
  (await runtime.call({ url: '/v1/admin/enrolments', key: admin, json })).json().token;
const enrol = (token: string, name = 'gpu box') =>
  runtime.call({ url: '/v1/workers/enrol', json: { token, name } });
const enrolled = async (name?: string): Promise<WorkerKeyView> =>
  (await enrol(await makeToken(name === undefined ? {} : { name }))).json();

describe('a token', () => {
  it('is one key, for the worker that the operator named', async () => {
    const token = await makeToken({ name: 'gpu 1' });
    const made = await enrol(token, 'emperor');
    expect(made.statusCode).toBe(201);
    const { key, worker } = made.json<WorkerKeyView>();
    expect(parseKey(key)?.kind).toBe('worker');
    expect(worker.name).toBe('gpu 1');
    expect((await enrolled()).worker.name).toBe('gpu box');

    const again = await enrol(token);
    expect([again.statusCode, again.json().code]).toEqual([403, 'enrolment_refused']);
    expect(again.json().detail).toContain('used before');
    expect(await audited('worker.enrolled')).toContainEqual(
      expect.objectContaining({ by: worker.id.replace('wrk_', 'key_'), name: 'gpu 1' }),
    );
  });

  it('is refused when it is late or unknown, and after ten of these nobody looks any more', async () => {
    runtime.clock.aheadMs += 60_000;
    const late = await makeToken();
    await runtime.host.pool.query(sql.unsafe`update enrolments
      set created_at = now() - interval '16 minutes', expires_at = now() - interval '1 minute'
      where used_at is null`);
    expect((await enrol(late)).json().detail).toMatch(/expired.*`tessera key enrol`/);
    const unknown = makeEnrolment().token;
    expect((await enrol(unknown)).json().detail).toContain('not known here');
    expect((await enrol(admin)).statusCode).toBe(403);
    for (let n = 4; n <= 10; n++) expect((await enrol(unknown)).statusCode).toBe(403);
    const flood = await enrol(unknown);
    expect([flood.statusCode, flood.json().code]).toEqual([429, 'too_many_attempts']);
    expect(Number(flood.headers['retry-after'])).toBeGreaterThan(0);
    // Whoever has a good one is not kept out by those who have not.
    expect((await enrol(await makeToken())).statusCode).toBe(201);
    const whys = (await audited('enrolment.refused')).map((row) => (row as { why?: string }).why);
    expect(whys).toEqual(expect.arrayContaining(['used', 'expired', 'unknown']));
    // A flood is a few rows, not one for each.
    expect(whys.length).toBeLessThanOrEqual(6);
    runtime.clock.aheadMs += 60_000;
  });

  it('opens no other door', async () => {
    const token = await makeToken();
    expect((await runtime.call({ url: '/v1/account', key: token })).statusCode).toBe(401);
    await expect(dialIn(port, token)).rejects.toThrow('401');
  });
});

describe('a worker', () => {
  it('is who its key says, whatever it says itself', async () => {
    const [a, b] = [await enrolled('box a'), await enrolled('box b')];
    const [left, right] = [await dialIn(port, a.key), await dialIn(port, b.key)];
    left.say(helloOf({ epoch: 'boot-a' }));
    expect((await left.heard('welcome')).worker).toBe(a.worker.id);
    // The very hello of the other one: it is still itself.
    right.say(helloOf({ epoch: 'boot-a', name: 'box a' }));
    expect((await right.heard('welcome')).worker).toBe(b.worker.id);
    const names = runtime.core.dispatcher.status().workers.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['box a', 'box b']));
    expect(names).not.toContain('what it says');
    left.hangUp();
    right.hangUp();
  });

  it('gets no file of a job that another one has, and brings none to it', async () => {
    const slots = [{ role: 'image', kind: 'image', isRequired: true } as const];
    const mine = await runtime.worker({ models: [offer('edit', { inputs: slots })] });
    const stranger = await enrolled('stranger');
    const socket = await dialIn(port, stranger.key);
    const person = (await runtime.key('user', 'acc_files')).key;
    const sent = { method: 'POST', url: '/v1/blobs', key: person, payload: PNG } as const;
    const headers = { 'content-type': 'image/png' };
    const { id: blob } = (await runtime.call({ ...sent, headers })).json();
    const json = { modality: 'image', model: 'edit', prompt: 'x', inputs: [{ blob }] };
    const job = (await runtime.call({ url: '/v1/jobs', key: person, json })).json<JobView>();
    await until(() => mine.agent.of('run').length > 0);
    // It claims to have been at work on it, too.
    socket.say(helloOf({ attempts: [{ job: job.id, attempt: 1 }] }));
    await socket.heard('welcome');

    const ask = (key: string, method: 'GET' | 'HEAD' | 'PUT', path: string) =>
      runtime.call({
        ...{ method, key, url: `/v1/workers/jobs/${job.id}/${path}` },
        ...(method === 'PUT' && {
          payload: PNG,
          headers: {
            'content-type': 'application/octet-stream',
            'upload-offset': '0',
            'upload-length': String(PNG.byteLength),
          },
        }),
      });
    const upload = `attempts/1/blobs/${blobIdOf(PNG)}`;
    expect((await ask(mine.key, 'GET', 'inputs/0')).statusCode).toBe(200);
    expect((await ask(stranger.key, 'GET', 'inputs/0')).statusCode).toBe(404);
    expect((await ask(stranger.key, 'HEAD', upload)).statusCode).toBe(404);
    expect((await ask(stranger.key, 'PUT', upload)).statusCode).toBe(404);
    expect(await audited('worker.fileRefused')).toEqual([
      { by: stranger.worker.id, method: 'PUT', job: job.id, attempt: 1 },
      { by: stranger.worker.id, method: 'HEAD', job: job.id, attempt: 1 },
      { by: stranger.worker.id, method: 'GET', job: job.id, attempt: null },
    ]);
    // Nor does its word end the job.
    const outputs = [{ blob: blobIdOf(PNG), bytes: 1, mediaType: 'image/png', facts: {} }];
    socket.say({ type: 'finished', job: job.id, attempt: 1, outputs, runMs: 1 });
    await socket.heard('settled');
    const now = await runtime.call({ url: `/v1/jobs/${job.id}`, key: person });
    expect(now.json<JobView>().state).toBe('running');
    socket.hangUp();
    mine.agent.cut();
  });

  it('says hello once', async () => {
    const { key, worker } = await enrolled();
    const socket = await dialIn(port, key);
    socket.say(helloOf());
    await socket.heard('welcome');
    socket.say(helloOf());
    expect((await socket.closed).code).toBe(1008);
    expect(await noted('worker.helloRepeated')).toEqual([{ by: worker.id, epoch: 'boot-1' }]);
  });

  it('is there once: another boot under its key ends the first, and that is written down', async () => {
    const { key, worker } = await enrolled();
    const first = await dialIn(port, key);
    first.say(helloOf({ epoch: 'boot-1' }));
    await first.heard('welcome');
    const second = await dialIn(port, key);
    second.say(helloOf({ epoch: 'boot-2' }));
    await second.heard('welcome');
    expect((await first.closed).code).toBe(4001);
    expect(await noted('worker.sessionReplaced')).toEqual([
      { by: worker.id, epoch: 'boot-1', by_epoch: 'boot-2' },
    ]);
    second.hangUp();
  });

  it('with a key that is not known, or of another kind, is not let in', async () => {
    await expect(dialIn(port, makeKey('worker').key)).rejects.toThrow('401');
    await expect(dialIn(port, admin)).rejects.toThrow('403');
    const rows = await audited('worker.refused');
    expect(rows).toContainEqual({
      ...{ by: '127.0.0.1', code: 'unauthorized', route: '/v1/workers/stream' },
    });
    expect(rows).toContainEqual(expect.objectContaining({ code: 'forbidden' }));
  });

  it('whose key is revoked is out within five seconds', { timeout: 5_000 }, async () => {
    const { key, worker } = await enrolled('to be revoked');
    const socket = await dialIn(port, key);
    socket.say(helloOf());
    await socket.heard('welcome');
    // As another runtime, or the command line, would do it: this one has to find out by itself.
    const id = worker.id.replace('wrk_', 'key_');
    await runtime.host.pool.query(sql.unsafe`update api_keys set revoked_at = clock_timestamp()
      where id = ${id}`);
    expect(await socket.closed).toMatchObject({ code: 1008, reason: 'This API key was revoked.' });
    await expect(dialIn(port, key)).rejects.toThrow('401');
    expect(await audited('worker.refused')).toContainEqual(expect.objectContaining({ by: id }));
    const [row] = await runtime.host.store.load([workerRef(worker.id)]);
    expect(row).toBeDefined();
  });

  it('is revoked by an operator, once, and that is written down', async () => {
    const { key, worker } = await enrolled();
    const id = worker.id.replace('wrk_', 'key_');
    const socket = await dialIn(port, key);
    const revoke = () =>
      runtime.call({ method: 'POST', url: `/v1/admin/keys/${id}/revoke`, key: admin });
    const listed = (await runtime.call({ url: '/v1/admin/keys', key: admin })).json();
    expect(listed.data).toContainEqual(expect.objectContaining({ id, worker: workerIdOf(id) }));
    expect(JSON.stringify(listed)).not.toContain(key);
    expect((await revoke()).statusCode).toBe(200);
    expect((await socket.closed).code).toBe(1008);
    expect((await revoke()).statusCode).toBe(404);
    const { data } = (await runtime.call({ url: '/v1/admin/audit', key: admin })).json();
    expect(data).toContainEqual(
      expect.objectContaining({
        action: 'key.revoked',
        details: expect.objectContaining({ key: id }),
      }),
    );
  });
});

describe('the person', () => {
  it('is not in anything that a worker hears or has to say', async () => {
    const tap = await tapped(port);
    const { key } = await enrolled('curious');
    const socket = await dialIn(tap.port, key);
    const slots = [{ role: 'image', kind: 'image', isRequired: true } as const];
    const seen = offer('curious', { inputs: slots });
    socket.say(helloOf({ models: [seen] }));
    await socket.heard('welcome');
    const bot = await runtime.key('frontend', SYSTEM_ACCOUNT, 'telegram');
    const person = { 'tessera-user': 'telegram:987654321098' };
    const sent = { method: 'POST', url: '/v1/blobs', key: bot.key, payload: PNG } as const;
    const headers = { ...person, 'content-type': 'image/png' };
    const { id: blob } = (await runtime.call({ ...sent, headers })).json();
    const account = (
      await runtime.call({ url: '/v1/account', key: bot.key, headers: person })
    ).json();
    const json = {
      ...{ modality: 'image', model: 'curious', prompt: 'a heron at dawn', inputs: [{ blob }] },
      origin: 'Ann Lovelace in chat 555000111',
    };
    const made = await runtime.call({ url: '/v1/jobs', key: bot.key, headers: person, json });
    const { id } = made.json<JobView>();
    const load = await socket.heard('load');
    socket.say({ type: 'acknowledged', command: load.id });
    socket.say({ type: 'loaded', model: 'curious', loadMs: 1, vramBytes: 1 });
    const run = await socket.heard('run');
    socket.say({ type: 'acknowledged', command: run.id });
    socket.say({ type: 'started', job: id, attempt: 1 });

    const base = `http://127.0.0.1:${tap.port}/v1/workers/jobs/${id}`;
    const authorization = `Bearer ${key}`;
    const input = await fetch(`${base}/inputs/0`, { headers: { authorization } });
    expect(Buffer.from(await input.arrayBuffer()).equals(PNG)).toBe(true);
    const result = Buffer.concat([PNG, Buffer.from('changed')]);
    const put = await fetch(`${base}/attempts/1/blobs/${blobIdOf(result)}`, {
      method: 'PUT',
      headers: {
        ...{ authorization, 'content-type': 'application/octet-stream' },
        ...{ 'upload-offset': '0', 'upload-length': String(result.byteLength) },
      },
      body: result,
    });
    expect(put.status).toBe(204);
    const bytes = result.byteLength;
    const outputs = [{ blob: blobIdOf(result), bytes, mediaType: 'image/png', facts: {} }];
    socket.say({ type: 'finished', job: id, attempt: 1, outputs, runMs: 1 });
    await socket.heard('settled');
    socket.hangUp();
    tap.close();

    const dump = tap.dump();
    // The wire was really listened to: frames, the input's bytes, the address of the upload.
    for (const there of ['a heron at dawn', PNG.toString('latin1'), blobIdOf(result), id])
      expect(dump).toContain(there);
    for (const secret of [account.id, '987654321098', 'telegram', 'Ann', '555000111', bot.id])
      expect(dump, secret).not.toContain(secret);
  });
});
