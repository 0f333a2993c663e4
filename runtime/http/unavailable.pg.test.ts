// The database goes away: callers are told to come back, nothing of ours leaks, and the process lives.
import pg from 'pg';
import { expect, it } from 'vitest';
import { startTestRuntime } from './testing.ts';

it('is told as unavailable, with a time to try again', async () => {
  const runtime = await startTestRuntime();
  try {
    const { key } = await runtime.key('user');
    const { key: unseen } = await runtime.key('user', 'acc_b');
    const json = { modality: 'image', prompt: 'x' };
    await runtime.worker();
    expect((await runtime.call({ url: '/v1/account', key })).statusCode).toBe(200);
    await cutOff(runtime.url);

    const answers = await Promise.all([
      runtime.call({ url: '/v1/account', key }),
      runtime.call({ url: '/v1/jobs', key }),
      runtime.call({ url: '/v1/jobs', key, json }),
      runtime.call({ url: '/v1/account', key: unseen }),
      runtime.call({ url: '/readyz' }),
    ]);
    for (const answer of answers) {
      expect([answer.statusCode, answer.json().code]).toEqual([503, 'unavailable']);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(answer.body).not.toMatch(/postgres|tessera_test|127\.0\.0\.1|ECONN|sql/i);
    }
    expect((await runtime.call({ url: '/healthz' })).statusCode).toBe(200);
    expect((await runtime.call({ url: '/v1/models' })).statusCode).toBe(200);
  } finally {
    await runtime.stop();
  }
});

/** Nobody gets in any more, and whoever is in is thrown out. */
async function cutOff(url: string): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  const other = new URL(url);
  other.pathname = '/postgres';
  const client = new pg.Client({ connectionString: other.href });
  await client.connect();
  await client.query(`alter database ${name} with allow_connections false`);
  await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
    name,
  ]);
  await client.end();
}
