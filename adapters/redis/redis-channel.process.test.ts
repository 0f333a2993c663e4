// The channel between runtimes on a real Redis, which is started for the test.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createClient } from '@redis/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { freePort } from '../../ops/testing.ts';
import { channelConformance } from '../../runtime/channel-conformance.ts';
import { RedisChannel } from './redis-channel.ts';
import { RedisCounter } from './redis-counter.ts';

const isInstalled = spawnSync('redis-server', ['--version']).status === 0;

describe('on Redis', () => {
  let redis: ChildProcess;
  let port: number;
  const url = () => `redis://127.0.0.1:${port}`;

  beforeEach(({ skip }) => skip(!isInstalled, 'needs redis-server (apt-get install redis-server)'));
  beforeAll(async () => {
    if (!isInstalled) return;
    port = await freePort();
    const own = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    redis = spawn('redis-server', own, { stdio: 'ignore' });
    await vi.waitUntil(() => answers(url()), { timeout: 20_000 });
  });
  afterAll(async () => {
    if (!isInstalled) return;
    const ended = once(redis, 'exit');
    redis.kill('SIGTERM');
    await ended;
  });

  channelConformance({
    channel: () => RedisChannel.connect({ url: url() }),
    async cut() {
      const client = await createClient({ url: url() }).connect();
      await client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub']);
      await client.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes']);
      client.destroy();
    },
  });

  it('counts for two runtimes together, window by window', async () => {
    const [one, two] = [new RedisCounter({ url: url() }), new RedisCounter({ url: url() })];
    await vi.waitUntil(() => one.add(['warm'], 0, 1_000).then(Boolean, () => false));
    await vi.waitUntil(() => two.add(['warm'], 0, 1_000).then(Boolean, () => false));
    expect(await one.add(['a', 'b'], 1, 60_000)).toEqual([1, 1]);
    expect(await two.add(['b', 'c'], 1, 60_000)).toEqual([2, 1]);
    expect(await two.add(['b'], 2, 60_000)).toEqual([1]);
    one.close();
    two.close();
    await expect(one.add(['a'], 1, 60_000)).rejects.toThrow();
  });

  it('is refused at the start, with what to do, when nobody answers', async () => {
    const other = await freePort();
    const connecting = RedisChannel.connect({ url: `redis://127.0.0.1:${other}` });
    await expect(connecting).rejects.toThrow(
      /^REDIS_URL names 127\.0\.0\.1:\d+, which cannot be used: .+\. Start it, or unset REDIS_URL/,
    );
  });
});

async function answers(url: string): Promise<boolean> {
  const client = createClient({ url, socket: { reconnectStrategy: false } });
  client.on('error', () => undefined);
  const isThere = await client.connect().then(
    () => true,
    () => false,
  );
  if (client.isOpen) client.destroy();
  return isThere;
}
