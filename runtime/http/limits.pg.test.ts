// Too much at once: who is one too many is told so, who is there goes on, and room is used again.
import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { jobRef } from '../../machines/contract/ids.ts';
import { startTestRuntime, type TestRuntime } from './testing.ts';

const LIMITS = { connections: 8, requests: 2, sockets: 3, socketsOfOne: 2 };

let runtime: TestRuntime;
let port: number;
beforeAll(async () => {
  runtime = await startTestRuntime({ limits: LIMITS });
  await runtime.worker();
  await runtime.app.listen({ host: '127.0.0.1', port: 0 });
  port = (runtime.app.server.address() as AddressInfo).port;
});
afterAll(() => runtime.stop());

/** Again until it is so, but not for ever: what never happens ends the test, not the machine. */
async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await isSo()) return;
    await new Promise((resolve) => setImmediate(resolve)); // lets the sockets in
  }
  throw new Error('It has not come to that.');
}

describe('WebSockets', () => {
  /** Resolves once it is known whether the socket may stay. */
  const dial = async (key: string) => {
    const decided = Promise.withResolvers<number | null>();
    const headers = { authorization: `Bearer ${key}` };
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/stream`, { headers });
    socket.once('open', () => socket.send(JSON.stringify({ subscribe: { after: -1 } })));
    socket.once('message', () => decided.resolve(null));
    socket.once('close', (code) => decided.resolve(code));
    socket.once('error', decided.reject);
    const closedWith = await decided.promise;
    const hangUp = async () => {
      socket.close();
      await once(socket, 'close');
    };
    return { closedWith, hangUp };
  };

  it('of one account are limited; closing one makes room', async () => {
    const { key } = await runtime.key('user', 'acc_a');
    const [first, second, third] = [await dial(key), await dial(key), await dial(key)];
    expect([first.closedWith, second.closedWith, third.closedWith]).toEqual([null, null, 1013]);
    await first.hangUp();
    let fourth = first;
    await eventually(async () => (fourth = await dial(key)).closedWith === null);
    await second.hangUp();
    await fourth.hangUp();
  });

  it('are limited in all, with 503 in place of the upgrade', async () => {
    const people = ['acc_b', 'acc_c', 'acc_d', 'acc_e'];
    const keys = await Promise.all(people.map((id) => runtime.key('user', id)));
    const [last, ...others] = keys.map(({ key }) => key) as [string, ...string[]];
    const lines: Awaited<ReturnType<typeof dial>>[] = [];
    // The sockets of the last test may still be leaving.
    for (const key of others)
      await eventually(async () =>
        dial(key).then(
          (line) => lines.push(line) > 0,
          () => false,
        ),
      );
    await expect(dial(last)).rejects.toThrow(/503/);
    for (const line of lines) await line.hangUp();
    await eventually(async () =>
      dial(last).then(
        (line) => line.closedWith === null,
        () => false,
      ),
    );
  });
});

describe('connections and requests', () => {
  const open = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  };
  /** The head of the answer, in one piece for what is asked here. */
  const ask = async (socket: Socket, request: string): Promise<string> => {
    socket.write(request);
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    return chunk.toString().toLowerCase();
  };
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;

  it('one connection too many is told to come back and is closed; health still answers', async () => {
    const sockets = await Promise.all(Array.from({ length: LIMITS.connections }, open));
    // Each has been seen by the server once it has answered.
    for (const socket of sockets)
      expect(await ask(socket, get('/healthz'))).toMatch(/^http\/1.1 200/);
    const extra = await open();
    const refused = await ask(extra, get('/v1/models'));
    expect(refused).toMatch(/^http\/1.1 503/);
    expect(refused).toMatch(/retry-after: \d/);
    expect(refused).toMatch(/connection: close/);
    await once(extra, 'close');
    const watcher = await open();
    expect(await ask(watcher, get('/healthz'))).toMatch(/^http\/1.1 200/);
    for (const socket of [...sockets, watcher]) {
      socket.destroy();
      await once(socket, 'close');
    }
    await eventually(async () => {
      const socket = await open();
      const answer = await ask(socket, get('/v1/models'));
      socket.destroy();
      return answer.startsWith('http/1.1 200');
    });
  });

  it('one request too many is told to come back; when one has ended there is room', async () => {
    const { key } = await runtime.key('user', 'acc_slow');
    const half = [
      ...['POST /v1/jobs HTTP/1.1', 'Host: 127.0.0.1', `Authorization: Bearer ${key}`],
      ...['Content-Type: application/json', 'Content-Length: 2', '', '{'],
    ].join('\r\n');
    const slow = await Promise.all(Array.from({ length: LIMITS.requests }, open));
    for (const socket of slow) socket.write(half);
    const models = () => runtime.call({ url: '/v1/models' });
    let refused = await models();
    await eventually(async () => (refused = await models()).statusCode !== 200);
    expect([refused.statusCode, refused.json().code]).toEqual([503, 'overloaded']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await runtime.call({ url: '/healthz' })).statusCode).toBe(200);
    await ask(slow[0]!, '}');
    await eventually(async () => (await models()).statusCode === 200);
    for (const socket of slow) socket.destroy();
  });
});

describe('the mailbox', () => {
  it('full answers 503 with a time to come back, and takes jobs again when it has been emptied', async () => {
    const { key } = await runtime.key('user', 'acc_z');
    const submit = () =>
      runtime.call({ url: '/v1/jobs', key, json: { modality: 'image', prompt: 'x' } });
    expect((await submit()).statusCode).toBe(202);
    const admin = new pg.Client({ connectionString: runtime.url });
    await admin.connect();
    await admin.query('begin; lock table actors in exclusive mode');
    const first = submit();
    // More than a batch in flight, a batch behind it, and the room there is.
    const cancel = { type: 'job.cancelRequested' } as const;
    const flood = Array.from({ length: 11_000 }, (_, n) =>
      runtime.host.turns.post(jobRef('acc_z', `job_none_${n % 50}`), cancel).then(
        () => 'taken',
        () => 'refused',
      ),
    );
    const refused = await submit();
    expect([refused.statusCode, refused.json().code]).toEqual([503, 'overloaded']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await runtime.call({ url: '/healthz' })).statusCode).toBe(200);
    await admin.query('rollback');
    await admin.end();
    expect((await first).statusCode).toBe(202);
    expect(new Set(await Promise.all(flood))).toEqual(new Set(['taken', 'refused']));
    expect((await submit()).statusCode).toBe(202);
  });
});
