// What nginx is in a real house: one address in front of several runtimes. It knows nothing of HTTP; each
// new connection goes to a runtime that accepts it.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Dice } from './dice.ts';

export interface Balancer {
  readonly port: number;
  close(): Promise<void>;
}

export async function startBalancer(ports: readonly number[], chance: Dice): Promise<Balancer> {
  const open = new Set<Socket>();
  const keep = (socket: Socket): void => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  };
  const server = createServer((client) => {
    keep(client);
    client.on('error', () => undefined);
    const first = chance.whole(0, ports.length - 1);
    const order = [...ports.slice(first), ...ports.slice(0, first)];
    const tryNext = (): void => {
      const port = order.shift();
      if (port === undefined || client.destroyed) return void client.destroy();
      const runtime = connect(port, '127.0.0.1');
      keep(runtime);
      let isConnected = false;
      runtime.on('error', () => (isConnected ? client.destroy() : tryNext()));
      runtime.once('connect', () => {
        isConnected = true;
        client.once('close', () => runtime.destroy());
        runtime.once('close', () => client.destroy());
        client.pipe(runtime).pipe(client);
      });
    };
    tryNext();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
