// A TCP proxy for tests: it can lose the answers on the way, cut its clients off, or be away.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface SeverableProxy {
  /** The given URL, through the proxy. */
  readonly url: string;
  /** From now on answers vanish; requests still arrive. */
  swallowAnswers(): void;
  /** Clients lose their connection at once. The server is not told: it works on. */
  cutClients(): void;
  refuse(): Promise<void>;
  accept(): Promise<void>;
  close(): Promise<void>;
}

export async function startSeverableProxy(target: string): Promise<SeverableProxy> {
  const { hostname, port } = new URL(target);
  const clients = new Set<Socket>();
  const upstreams = new Set<Socket>();
  let swallowing = false;

  const onConnection = (client: Socket) => {
    const upstream = connect(Number(port), hostname);
    clients.add(client);
    upstreams.add(upstream);
    client.on('data', (chunk) => upstream.write(chunk));
    upstream.on('data', (chunk) => {
      if (!swallowing) client.write(chunk);
    });
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    // A polite end is passed on; a cut (see below) removes the client first and stays unknown.
    client.on('close', () => clients.delete(client) && upstream.destroy());
    upstream.on('close', () => upstreams.delete(upstream) && client.destroy());
  };

  const listen = async (at: number): Promise<Server> => {
    const server = createServer(onConnection).listen(at, '127.0.0.1');
    await once(server, 'listening');
    return server;
  };
  let server = await listen(0);
  const own = (server.address() as AddressInfo).port;
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(own);

  const cutClients = () => {
    for (const client of [...clients]) {
      clients.delete(client);
      client.destroy();
    }
    swallowing = false;
  };
  const refuse = async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    cutClients();
    await closed;
  };
  return {
    url: url.href,
    swallowAnswers: () => (swallowing = true),
    cutClients,
    refuse,
    accept: async () => void (server = await listen(own)),
    close: async () => {
      await refuse();
      for (const upstream of upstreams) upstream.destroy();
    },
  };
}
