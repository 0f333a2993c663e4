// The two WebSockets, end to end on the real store.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { revokeApiKey } from '../../db/queries/api-keys.ts';
import { noteJoined } from '../../db/queries/joined-accounts.ts';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import type { JobView, StreamFrame } from '../../machines/contract/views.ts';
import { streamFrame } from '../../machines/contract/views.ts';
import { workerIdOf } from '../keys.ts';
import { offer } from '../testing.ts';
import { startTestRuntime, until, type TestRuntime } from './testing.ts';

let runtime: TestRuntime;
let people = 0;
const newcomer = async () => (await runtime.key('user', `acc_${++people}`)).key;
beforeAll(async () => {
  runtime = await startTestRuntime();
  await runtime.worker();
});
afterAll(() => runtime.stop());

/** What came over a socket, and how it ended. */
class Line {
  readonly texts: string[] = [];
  closed: { code: number; reason: string } | null = null;
  readonly socket: WebSocket;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => this.texts.push(data.toString()));
    socket.on('close', (code, reason) => (this.closed = { code, reason: reason.toString() }));
  }

  frames(): StreamFrame[] {
    return this.texts.map((text) => streamFrame.parse(JSON.parse(text)));
  }

  jobs(): { seq: number; job: JobView }[] {
    return this.frames().filter((frame) => frame.type === 'job');
  }

  say(frame: unknown): void {
    this.socket.send(JSON.stringify(frame));
  }
}

async function dial(path: string, headers: Record<string, string>): Promise<Line> {
  let line: Line | undefined;
  await runtime.dial(path, headers, { onInit: (socket) => (line = new Line(socket)) });
  return line!;
}
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const watch = async (key: string, after = -1) => {
  const line = await dial('/v1/stream', bearer(key));
  line.say({ subscribe: { after } });
  await until(() => line.frames().some(({ type }) => type === 'subscribed'));
  return line;
};
const make = async (key: string) => {
  const json = { modality: 'image', prompt: 'x', count: 1 };
  return (await runtime.call({ url: '/v1/jobs', key, json })).json<JobView>();
};

describe('the live stream', () => {
  it('tells every change of my jobs in order, and nothing of others', async () => {
    const [ann, bob] = [await newcomer(), await newcomer()];
    const [mine, theirs] = [await watch(ann), await watch(bob)];
    const { id } = await make(ann);
    await runtime.call({ method: 'POST', url: `/v1/jobs/${id}/cancel`, key: ann });
    await until(() => mine.jobs().at(-1)?.job.state === 'cancelled');
    const seqs = mine.jobs().map(({ seq }) => seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    expect(new Set(mine.jobs().map(({ job }) => job.id))).toEqual(new Set([id]));
    await make(bob);
    await until(() => theirs.jobs().length > 0);
    expect(theirs.jobs().every(({ job }) => job.id !== id)).toBe(true);
    mine.socket.close();
    theirs.socket.close();
  });

  it('goes on where the last connection ended', async () => {
    const ann = await newcomer();
    const before = await watch(ann);
    const { id } = await make(ann);
    await until(() => before.jobs().length > 0);
    const { seq } = before.jobs()[0]!;
    before.socket.terminate();
    await runtime.call({ method: 'POST', url: `/v1/jobs/${id}/cancel`, key: ann });
    const after = await watch(ann, seq);
    await until(() => after.jobs().at(-1)?.job.state === 'cancelled');
    expect(after.jobs().every((event) => event.seq > seq)).toBe(true);
    // And from the very beginning everything comes once more.
    const all = await watch(ann, 0);
    await until(() => all.jobs().at(-1)?.job.state === 'cancelled');
    expect(all.jobs()[0]!.seq).toBe(seq);
    after.socket.close();
    all.socket.close();
  });

  it('shows progress while it happens', async () => {
    const ann = await newcomer();
    const line = await watch(ann);
    runtime.host.live.ephemeral(`acc_${people}`, { type: 'progress', job_id: 'j', fraction: 0.5 });
    await until(() => line.frames().some(({ type }) => type === 'progress'));
    line.socket.close();
  });

  it('hears a frame that comes with the very first packet', async () => {
    const ann = await newcomer();
    let line: Line | undefined;
    await runtime.dial('/v1/stream', bearer(ann), {
      onInit: (socket) => (line = new Line(socket)),
      onOpen: (socket) => socket.send('{"subscribe":{"after":-1}}'),
    });
    await until(() => line!.texts.length > 0);
    expect(line!.frames()[0]).toMatchObject({ type: 'subscribed' });
    line!.socket.close();
  });

  it('ends with a reason when it is spoken to in another tongue', async () => {
    const ann = await newcomer();
    const said: [unknown, number][] = [
      ['{"subscribe":', 1008],
      [Buffer.from('{"subscribe":{"after":-1}}'), 1003],
      [JSON.stringify({ subscribe: { after: -1, x: 'x'.repeat(70_000) } }), 1009],
    ];
    for (const [data, code] of said) {
      const line = await dial('/v1/stream', bearer(ann));
      line.socket.send(data as string);
      await until(() => line.closed !== null);
      expect(line.closed?.code).toBe(code);
      expect(line.closed?.reason).not.toBe('');
    }
  });

  it.each<[string, () => Promise<Record<string, string>> | Record<string, string>, number]>([
    ['nobody', () => ({}), 401],
    ['a wrong key', () => bearer(`tsr_user_${'a'.repeat(49)}`), 401],
    ['a worker', async () => bearer((await runtime.key('worker', SYSTEM_ACCOUNT)).key), 403],
    [
      'a page elsewhere',
      async () => ({ ...bearer(await newcomer()), origin: 'https://x.org' }),
      403,
    ],
    ['a proxy', async () => ({ ...bearer(await newcomer()), 'x-forwarded-for': '1.2.3.4' }), 403],
    ['another name of ours', async () => ({ ...bearer(await newcomer()), host: 'x.org' }), 403],
  ])('is not opened to %s', async (_, headers, status) => {
    await expect(dial('/v1/stream', await headers())).rejects.toThrow(String(status));
  });

  it('ends with the key that opened it', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const { key, id } = await runtime.key('user', 'acc_gone');
      const line = await watch(key);
      await revokeApiKey(runtime.host.pool, { id, by: 'operator' });
      runtime.clock.aheadMs += 5_001;
      vi.advanceTimersByTime(25_000);
      await until(() => line.closed !== null);
      expect(line.closed?.code).toBe(1008);
      expect(line.closed?.reason).toContain('not valid any more');
    } finally {
      vi.useRealTimers();
    }
  });

  it('ends when it would be of another account: linked, or unlinked', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const { key } = await runtime.key('user', 'acc_linked');
      await runtime.key('user', 'acc_holder');
      const line = await watch(key);
      const { pool } = runtime.host;
      await noteJoined(pool, {
        accountId: 'acc_linked',
        into: 'acc_holder',
        hash: null,
        by: 'test',
      });
      runtime.clock.aheadMs += 5_001;
      vi.advanceTimersByTime(25_000);
      await until(() => line.closed !== null);
      expect(line.closed?.code).toBe(1013);
      expect(line.closed?.reason).toContain('another account');
    } finally {
      vi.useRealTimers();
    }
  });

  it('takes no key out of the address', async () => {
    await expect(dial(`/v1/stream?key=${await newcomer()}`, {})).rejects.toThrow('401');
  });

  it('opens to a browser that is signed in', async () => {
    const signedIn = await runtime.app.inject({ method: 'POST', url: '/v1/session' });
    const cookie = String(signedIn.headers['set-cookie']).split(';')[0]!;
    const line = await dial('/v1/stream', { cookie, origin: 'http://localhost' });
    line.say({ subscribe: { after: -1 } });
    await until(() => line.texts.length > 0);
    await expect(dial('/v1/stream', { cookie, origin: 'http://localhost:1' })).rejects.toThrow(
      '403',
    );
    line.socket.close();
  });

  it('is a WebSocket and nothing else', async () => {
    const answer = await runtime.call({ url: '/v1/stream', key: await newcomer() });
    expect([answer.statusCode, answer.json().code]).toEqual([426, 'upgrade_required']);
  });
});

describe("the workers' stream", () => {
  const hello = {
    type: 'hello',
    protocol: 1,
    epoch: 'boot-1',
    name: 'a real socket',
    version: '1',
    gpu: null,
    slots: 1,
    models: [offer('other')],
    loaded: [],
    attempts: [],
  };

  it('welcomes a worker by the id of its key', async () => {
    const { key, id } = await runtime.key('worker', SYSTEM_ACCOUNT);
    const line = await dial('/v1/workers/stream', bearer(key));
    line.say(hello);
    await until(() => line.texts.length > 0);
    expect(JSON.parse(line.texts[0]!)).toMatchObject({ type: 'welcome', worker: workerIdOf(id) });
    await until(() => runtime.host.dispatcher.models().some((model) => model.id === 'other'));
    line.socket.terminate();
  });

  it('takes one hello a connection', async () => {
    const { key } = await runtime.key('worker', SYSTEM_ACCOUNT);
    const line = await dial('/v1/workers/stream', bearer(key));
    line.say(hello);
    line.say({ ...hello, epoch: 'boot-2' });
    await until(() => line.closed !== null);
    expect(line.closed).toEqual({ code: 1008, reason: 'hello was said already.' });
  });

  it('ends with a reason when it is spoken to in another tongue', async () => {
    const { key } = await runtime.key('worker', SYSTEM_ACCOUNT);
    for (const [data, code] of [
      ['nonsense', 1008],
      [Buffer.from(JSON.stringify(hello)), 1003],
      ['x'.repeat(1024 * 1024 + 1), 1009],
    ] as const) {
      const line = await dial('/v1/workers/stream', bearer(key));
      line.socket.send(data);
      await until(() => line.closed !== null);
      expect(line.closed?.code).toBe(code);
    }
  });

  it('is not opened to people', async () => {
    const headers = bearer(await newcomer());
    await expect(dial('/v1/workers/stream', headers)).rejects.toThrow('403');
  });
});
