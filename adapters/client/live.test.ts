// The stream against a real WebSocket server. Backoff is recorded and released by hand.
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type WebSocket as Peer, WebSocketServer } from 'ws';
import type { JobView } from '../../machines/contract/views.ts';
import { type ConnectionState, LiveStream, streamUrl, type StreamOptions } from './live.ts';

/** Things that happen, to be awaited one after the other. */
class Signals<T> {
  readonly #ready: T[] = [];
  readonly #waiting: ((value: T) => void)[] = [];
  put(value: T): void {
    const next = this.#waiting.shift();
    if (next) next(value);
    else this.#ready.push(value);
  }
  next(): Promise<T> {
    if (this.#ready.length > 0) return Promise.resolve(this.#ready.shift() as T);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

async function serve() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  closers.push(() => server.close());
  const peers = new Signals<{ peer: Peer; said: Signals<unknown>; key: string | undefined }>();
  server.on('connection', (peer, request) => {
    closers.push(() => peer.terminate());
    const said = new Signals<unknown>();
    peer.on('message', (data) => said.put(JSON.parse(String(data))));
    peers.put({ peer, said, key: request.headers.authorization });
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const url = streamUrl(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return { url, next: () => peers.next() };
}

function follow(url: string, options: Partial<StreamOptions> = {}) {
  const states = new Signals<ConnectionState>();
  const jobs = new Signals<string>();
  const retries = new Signals<{ ms: number; go: () => void }>();
  const stream = new LiveStream({
    url,
    onJob: (job, seq) => jobs.put(`${job.id}@${seq}`),
    onJobFailed: (error) => states.put(`failed: ${error}` as ConnectionState),
    onState: (state) => states.put(state),
    surroundings: {
      random: () => 0.5,
      // The connect timeout is never due here; everything shorter is a retry, released by the test.
      later: (ms, go) => (ms !== 15_000 && retries.put({ ms, go }), () => {}),
    },
    ...options,
  });
  closers.push(() => stream.close());
  return { stream, states, jobs, retries };
}

const send = (peer: Peer, frame: unknown) => peer.send(JSON.stringify(frame));
const job = (seq: number) => ({ type: 'job', seq, job: { id: `job_${seq}` } as JobView });

test('subscribes, follows, and resumes after the last seq it handled', async () => {
  const server = await serve();
  const { jobs, retries, states } = follow(server.url);
  const first = await server.next();
  expect(await first.said.next()).toEqual({ subscribe: { after: -1 } });
  send(first.peer, { type: 'subscribed', after: -1, head: 7 });
  for (const seq of [8, 9, 9, 8, 10]) send(first.peer, job(seq));
  expect([await jobs.next(), await jobs.next(), await jobs.next()]).toEqual([
    'job_8@8',
    'job_9@9',
    'job_10@10',
  ]);

  first.peer.terminate();
  const retry = await retries.next();
  expect(retry.ms).toBe(375);
  retry.go();
  const second = await server.next();
  expect(await second.said.next()).toEqual({ subscribe: { after: 10 } });
  send(second.peer, { type: 'subscribed', after: 10, head: 11 });
  send(second.peer, job(11));
  expect(await jobs.next()).toBe('job_11@11');
  const seen = [];
  for (let n = 0; n < 5; n += 1) seen.push(await states.next());
  expect(seen).toEqual(['connecting', 'live', 'waiting', 'connecting', 'live']);
});

test('backs off further with every failure, within bounds', async () => {
  const server = await serve();
  const { retries } = follow(server.url);
  const waits: number[] = [];
  for (let failure = 0; failure < 9; failure += 1) {
    (await server.next()).peer.terminate();
    const retry = await retries.next();
    waits.push(retry.ms);
    retry.go();
  }
  expect(waits).toEqual([375, 750, 1500, 3000, 6000, 12_000, 22_500, 22_500, 22_500]);
});

test('acknowledges what was handled, in order, and asks again for what was not', async () => {
  const server = await serve();
  let broken = true;
  const failed = new Signals<string>();
  const { retries } = follow(server.url, {
    after: 0,
    key: 'tsr_frontend_a',
    acknowledge: true,
    onJobFailed: (error, seq) => failed.put(`${seq}: ${error}`),
    onJob: async (_job, seq) => {
      await Promise.resolve();
      if (seq === 2 && broken) throw new Error('the disk is full');
    },
  });
  const first = await server.next();
  expect(first.key).toBe('Bearer tsr_frontend_a');
  await first.said.next();
  send(first.peer, { type: 'subscribed', after: 0, head: 3 });
  for (const seq of [1, 2, 3]) send(first.peer, job(seq));
  expect(await first.said.next()).toEqual({ acknowledge: 1 });

  const retry = await retries.next();
  broken = false;
  expect(await failed.next()).toBe('2: Error: the disk is full');
  retry.go();
  const second = await server.next();
  expect(await second.said.next()).toEqual({ subscribe: { after: 1 } });
  send(second.peer, { type: 'subscribed', after: 1, head: 3 });
  for (const seq of [2, 3]) send(second.peer, job(seq));
  expect(await second.said.next()).toEqual({ acknowledge: 2 });
  expect(await second.said.next()).toEqual({ acknowledge: 3 });
});

test('starts anew when the server has a younger history than ours', async () => {
  const server = await serve();
  const { jobs } = follow(server.url, { after: 500 });
  const first = await server.next();
  expect(await first.said.next()).toEqual({ subscribe: { after: 500 } });
  send(first.peer, { type: 'subscribed', after: 500, head: 3 });
  const second = await server.next();
  expect(await second.said.next()).toEqual({ subscribe: { after: 3 } });
  send(second.peer, { type: 'subscribed', after: 3, head: 3 });
  send(second.peer, job(4));
  expect(await jobs.next()).toBe('job_4@4');
});

test('stays away after a final refusal, and says why', async () => {
  const server = await serve();
  const problems = new Signals<string>();
  const { states, stream } = follow(server.url, {
    onProblem: (problem) => problems.put(problem.code),
  });
  const { peer } = await server.next();
  const problem = {
    type: 'x',
    title: 'x',
    status: 401,
    code: 'unauthenticated',
    detail: 'Sign in.',
  };
  send(peer, { type: 'error', problem });
  expect(await problems.next()).toBe('unauthenticated');
  expect([await states.next(), await states.next()]).toEqual(['connecting', 'closed']);
  expect(stream.state).toBe('closed');
  stream.reconnect();
  expect(stream.state).toBe('closed');
});

test('progress, text and places are passed on; unknown frames and noise are not', async () => {
  const server = await serve();
  const heard = new Signals<unknown>();
  const pass = (frame: unknown) => heard.put(frame);
  follow(server.url, { onProgress: pass, onText: pass, onPosition: pass });
  const { peer } = await server.next();
  const frames = [
    { type: 'progress', job_id: 'a', fraction: 0.5, step: 2, steps: 4 },
    { type: 'text', job_id: 'b', index: 0, text: 'Once' },
    { type: 'position', job_id: 'c', position: 1, eta: null },
  ];
  peer.send('not json');
  send(peer, { type: 'fromTheFuture' });
  for (const frame of frames) send(peer, frame);
  for (const frame of frames) expect(await heard.next()).toEqual(frame);
});

test('reconnects at once when asked, without a second line', async () => {
  const server = await serve();
  const { stream } = follow(server.url);
  const first = await server.next();
  const gone = new Promise((resolve) => first.peer.once('close', resolve));
  stream.reconnect();
  await server.next();
  await gone;
});
