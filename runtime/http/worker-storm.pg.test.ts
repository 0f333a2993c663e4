// Row 24 of the fault matrix: fifty agents on real sockets lose their runtime at once and come back at once.
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect, type Connection } from '../../adapters/worker/connection.ts';
import { systemSeams } from '../../adapters/worker/seams.ts';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import { offer } from '../testing.ts';
import { startTestRuntime, type TestRuntime } from './testing.ts';

const WORKERS = 50;
/** Fewer than usual, so that this machine's speed does not decide whether anybody has to wait. */
const HELLOS_MAX = 3;

let runtime: TestRuntime;
const agents: Connection[] = [];
beforeAll(async () => {
  runtime = await startTestRuntime({ hellosMax: HELLOS_MAX });
  await runtime.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  for (const agent of agents) agent.close();
  await runtime.stop();
});

it('all are served again within thirty seconds, a few at a time', { timeout: 30_000 }, async () => {
  const { port } = runtime.app.server.address() as AddressInfo;
  const keys = await Promise.all(
    Array.from({ length: WORKERS }, () => runtime.key('worker', SYSTEM_ACCOUNT)),
  );
  let sentAway = 0;
  let welcomes = 0;
  let whenAll = Promise.withResolvers<void>();
  const noted = { warn: () => undefined, error: () => undefined };
  const log = {
    ...noted,
    info: (facts: object) => void (sentAway += Number('retryInMs' in facts)),
  };
  for (const [n, { key }] of keys.entries())
    agents.push(
      connect({
        ...{ url: `http://127.0.0.1:${port}`, key, seams: systemSeams, log },
        hello: () => ({
          ...{ type: 'hello', protocol: 1, epoch: `boot-${n}`, name: `w${n}`, version: '1' },
          ...{ gpu: null, slots: 1, models: [offer()], loaded: [], attempts: [] },
        }),
        onWelcome: () => void ((welcomes += 1) % WORKERS === 0 && whenAll.resolve()),
        onFrame: () => undefined,
        onEnd: (reason) => whenAll.reject(new Error(reason)),
      }),
    );
  await whenAll.promise;
  expect(runtime.core.sessions.size).toBe(WORKERS);
  expect(sentAway).toBeGreaterThan(0);

  whenAll = Promise.withResolvers();
  for (const socket of runtime.app.websocketServer.clients) socket.terminate();
  // They come with jitter: whether one of them has to wait this time is chance.
  await whenAll.promise;
  expect(agents.every((agent) => agent.isOnline())).toBe(true);
  const { workers } = runtime.core.dispatcher.status();
  expect(workers.filter(({ state }) => state === 'idle')).toHaveLength(WORKERS);
});
