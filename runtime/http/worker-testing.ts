// Test equipment: a worker on a real socket, which says what it is told to say, and a wire that writes down
// everything that passes.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { WebSocket } from 'ws';
import type { AgentFrame, RuntimeFrame } from '../../machines/contract/worker-protocol.ts';
import { offer } from '../testing.ts';

export type Hello = Extract<AgentFrame, { type: 'hello' }>;

export const helloOf = (change: Partial<Hello> = {}): Hello => ({
  ...{ type: 'hello', protocol: 1, epoch: 'boot-1', name: 'what it says', version: '1', gpu: null },
  ...{ slots: 1, models: [offer()], loaded: [], attempts: [] },
  ...change,
});

export interface SocketWorker {
  say(frame: AgentFrame): void;
  /** The first frame of the type, heard already or to come. @throws when the socket closes before */
  heard<T extends RuntimeFrame['type']>(type: T): Promise<Extract<RuntimeFrame, { type: T }>>;
  /** The code and reason with which the runtime closes, or has closed. */
  readonly closed: Promise<{ code: number; reason: string }>;
  hangUp(): void;
}

/** @throws with the status in the message where it is not let in */
export async function dialIn(port: number, key: string): Promise<SocketWorker> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/workers/stream`, {
    headers: { authorization: `Bearer ${key}` },
  });
  const frames: RuntimeFrame[] = [];
  const closed = Promise.withResolvers<{ code: number; reason: string }>();
  socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString()) as RuntimeFrame));
  socket.on('close', (code, reason) => closed.resolve({ code, reason: reason.toString() }));
  await once(socket, 'open');
  return {
    closed: closed.promise,
    say: (frame) => socket.send(JSON.stringify(frame)),
    hangUp: () => socket.terminate(),
    async heard(type) {
      for (;;) {
        const found = frames.find((frame) => frame.type === type);
        if (found) return found as never;
        await Promise.race([
          once(socket, 'message'),
          closed.promise.then(({ code, reason }) => {
            throw new Error(`closed while waiting for ${type}: ${code} ${reason}`);
          }),
        ]);
      }
    },
  };
}

/** Stands between a worker and the runtime. */
export async function tapped(port: number) {
  const parts: Buffer[] = [];
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      from.on('data', (part) => void parts.push(part));
      from.on('error', () => to.destroy());
      from.pipe(to);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    /** All bytes of both directions so far. What a client says on a WebSocket is masked. */
    dump: (): string => Buffer.concat(parts).toString('latin1'),
    close: () => server.close(),
  };
}
