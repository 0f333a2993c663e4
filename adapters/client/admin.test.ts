import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createAdminClient } from './admin.ts';

test('the calls ask for the paths of the contract, with the key', async () => {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      expect(request.headers.authorization).toBe('Bearer tsr_admin_a');
      seen.push(`${request.method} ${request.url} ${body}`.trim());
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const admin = createAdminClient({ baseUrl: `http://127.0.0.1:${port}`, key: 'tsr_admin_a' });
  await admin.queue();
  await admin.pause();
  await admin.resume({ plan: 'pro' });
  await admin.move('job_1/x', 'front');
  await admin.workers();
  await admin.askWorker('wrk_1', 'drain');
  await admin.askToKeep('wrk_1', 'pin', 'sdxl');
  await new Promise((resolve) => server.close(resolve));
  expect(seen).toEqual([
    'GET /v1/admin/queue',
    'POST /v1/admin/queue/pause {}',
    'POST /v1/admin/queue/resume {"plan":"pro"}',
    'POST /v1/admin/jobs/job_1%2Fx/move {"to":"front"}',
    'GET /v1/admin/workers',
    'POST /v1/admin/workers/wrk_1/drain',
    'POST /v1/admin/workers/wrk_1/pin {"model":"sdxl"}',
  ]);
});
