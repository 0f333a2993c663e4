// The channel between runtimes on a real Redis, which is started for the test.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createClient } from '@redis/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { freePort } from '../../ops/testing.ts';
import { channelConformance } from '../../runtime/channel-conformance.ts';
import { RedisChannel } from './redis-channel.ts';

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
