// One worker process of the crash suite: the real agent with the fast engine. Its named points lie in the
// agent's own seams, so nothing of it is changed.
import { pino } from 'pino';
import { WebSocket } from 'ws';
import { startAgent } from '../../adapters/worker/agent.ts';
import { bareHost } from '../../adapters/worker/engine-host.ts';
import { systemSeams, type Seams } from '../../adapters/worker/seams.ts';
import { createFastEngine } from './fast-engine.ts';
import { obeySuite, pass } from './points.ts';

const setting = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: the crash suite starts this file.`);
  return value;
};

/** The agent's socket, which passes a point with each frame that it writes. */
class PassingSocket extends WebSocket {
  override send(data: string): void {
    const type = /^\{"type":"(\w+)"/.exec(data)?.[1];
    if (type === 'finished') pass('beforeReport');
    if (type === 'acknowledged') pass('acknowledging');
    super.send(data);
    if (type === 'finished') pass('reported');
  }
}

const seams: Partial<Seams> = {
  openSocket: (url, headers) => {
    const socket = new PassingSocket(url, { headers, handshakeTimeout: 10_000 });
    // The first frame is the welcome: the suite counts this worker as up.
    socket.once('message', () => process.send?.('connected'));
    return socket;
  },
  fetch: (input, init) => {
    if (init?.method === 'PUT') pass('beforeUpload');
    return systemSeams.fetch(input, init);
  },
};

const name = setting('CRASH_WORKER_NAME');
const slots = Number(setting('CRASH_WORKER_SLOTS'));
const log = pino({ name }, pino.destination(2));
obeySuite(() => undefined);
const agent = startAgent({
  ...{ name, slots, log, seams, version: 'crash', gpu: null },
  url: setting('CRASH_WORKER_URL'),
  key: setting('CRASH_WORKER_KEY'),
  folder: setting('CRASH_WORKER_FOLDER'),
  hosts: [
    bareHost(createFastEngine({ worker: name, slots, diary: setting('CRASH_WORKER_DIARY') })),
  ],
});
process.once('SIGTERM', () => void agent.close());
// Must not outlive the suite.
process.once('disconnect', () => void agent.close());
log.warn({}, `The worker has ended: ${await agent.closed}`);
