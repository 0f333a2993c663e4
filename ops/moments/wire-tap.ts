// Stands between a worker and its runtime: passes everything on, says each thing's name before it does, and waits
// for whoever listens. So a process can be killed at a named moment without knowing that there are moments.
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { WebSocket, WebSocketServer } from 'ws';

/** Told before the thing is passed on, e.g. `agent says finished`, `agent sends a part`. */
export type Listener = (moment: string) => Promise<void> | void;

interface Pair {
  readonly agent: WebSocket;
  readonly runtime: WebSocket;
}

export class WireTap {
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  readonly #pairs = new Set<Pair>();
  readonly #webSockets = new WebSocketServer({ noServer: true });
  readonly #server: http.Server;
  #isCut = false;
  listener: Listener = () => undefined;

  private constructor(target: number) {
    this.#target = target;
    this.#server = http.createServer((request, response) => void this.#pass(request, response));
    this.#server.on('connection', (socket: Socket) => {
      if (this.#isCut) return void socket.destroy();
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) =>
      this.#webSockets.handleUpgrade(request, socket, head, (agent) => this.#pair(agent, request)),
    );
  }

  static async open(target: number): Promise<WireTap> {
    const tap = new WireTap(target);
    await new Promise<void>((resolve) => tap.#server.listen(0, '127.0.0.1', resolve));
    return tap;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Every line breaks, and new ones are refused until `mend`. */
  cut(): void {
    this.#isCut = true;
    for (const { agent, runtime } of this.#pairs) {
      agent.terminate();
      runtime.terminate();
    }
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#isCut = false;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pair(agent: WebSocket, { url, headers }: IncomingMessage): void {
    const { authorization = '' } = headers;
    const runtime = new WebSocket(`ws://127.0.0.1:${this.#target}${url}`, {
      headers: { authorization },
    });
    const pair = { agent, runtime };
    this.#pairs.add(pair);
    const opened = new Promise<void>((resolve) => runtime.once('open', resolve));
    const fromAgent = this.#join('agent', agent, runtime, opened);
    this.#join('runtime', runtime, agent, opened);
    const end = (): void => {
      this.#pairs.delete(pair);
      agent.terminate();
      runtime.terminate();
    };
    // A close with its code is the runtime's word to the agent.
    runtime.once('close', (code, reason) => {
      if (code !== 1005 && code !== 1006) agent.close(code, reason);
      end();
    });
    // What it had said before it died is still on its way.
    agent.once('close', () => void fromAgent().then(end));
    for (const socket of [agent, runtime]) socket.on('error', () => undefined);
  }

  /** One after the other, however long the listener takes. @returns when all that was said is passed on */
  #join(who: string, from: WebSocket, to: WebSocket, opened: Promise<void>): () => Promise<void> {
    let last: Promise<void> = opened;
    from.on('message', (data: Buffer) => {
      const text = data.toString();
      last = last.then(async () => {
        const type = (JSON.parse(text) as { type: string }).type;
        await this.listener(`${who} says ${type}`);
        if (to.readyState === WebSocket.OPEN) to.send(text);
      });
    });
    from.on('ping', () => to.readyState === WebSocket.OPEN && to.ping());
    from.on('pong', () => to.readyState === WebSocket.OPEN && to.pong());
    return () => last;
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    const what = wordOf(method, url);
    try {
      await this.listener(`agent ${what}`);
      const onward = http.request({
        host: '127.0.0.1',
        port: this.#target,
        method,
        path: url,
        headers,
      });
      const answered = new Promise<IncomingMessage>((resolve, reject) => {
        onward.once('response', resolve);
        onward.once('error', reject);
      });
      await Promise.all([pipeline(request, onward), answered]);
      const answer = await answered;
      await this.listener(`runtime answers: agent ${what}`);
      response.writeHead(answer.statusCode!, answer.headers);
      await pipeline(answer, response);
    } catch {
      response.destroy();
    }
  }
}

const wordOf = (method: string, url: string): string => {
  if (method === 'PUT') return 'sends a result';
  if (method === 'HEAD') return 'asks what has arrived of a result';
  return url.includes('/inputs/') ? 'fetches an input' : `${method} ${url.split('?', 1)[0]}`;
};
