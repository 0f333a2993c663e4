// A server that stands for a real engine's, at the level of its wire: HTTP and WebSockets on loopback, whose
// answers a folder's own simulator gives. Here is what all of them can be told: to misbehave, to die, to return.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

export interface SimulatedRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** What a real server can do to whoever asks it. */
export type Misbehaviour =
  /** The line breaks before an answer. */
  | 'reset'
  /** It breaks after the engine has done what was asked: nobody knows. */
  | 'answerLost'
  /** Half of the answer, then the line breaks. */
  | 'cut'
  /** No answer, and the line stays. */
  | 'hang'
  /** 500, as the engine's framework words it. */
  | 'error'
  /** 200, and not what was promised. */
  | 'garbage';

export interface SimulatorOptions {
  /** Answers by writing to `response`; what it leaves open stays open. */
  readonly answer: (request: SimulatedRequest, response: ServerResponse) => void | Promise<void>;
  readonly connected?: (socket: WebSocket, request: SimulatedRequest) => void;
  /** The process is gone and with it all that it held in memory. */
  readonly forget?: () => void;
}

/** A simulator may run for a whole day. */
const REQUESTS_KEPT = 1000;

interface Plan {
  readonly path: RegExp;
  readonly how: Misbehaviour;
  left: number;
}

export class Simulator {
  /** Told of each request before it is answered; the answer waits for it. */
  watcher: (request: SimulatedRequest) => Promise<void> | void = () => undefined;
  /** The requests so far, oldest first; of very many the last. */
  readonly requests: SimulatedRequest[] = [];
  readonly #options: SimulatorOptions;
  readonly #sockets = new Set<Socket>();
  readonly #webSockets = new WebSocketServer({ noServer: true });
  #plans: Plan[] = [];
  #server: Server | null = null;
  #port = 0;
  #isSilent = false;

  constructor(options: SimulatorOptions) {
    this.#options = options;
  }

  static async start(options: SimulatorOptions): Promise<Simulator> {
    const simulator = new Simulator(options);
    await simulator.restart();
    return simulator;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** The next requests to a path that matches. */
  misbehave(path: RegExp, how: Misbehaviour, times = 1): void {
    this.#plans = this.#plans.filter(({ left }) => left > 0);
    this.#plans.push({ path, how, left: times });
  }

  /** WebSockets stay open and say nothing more; what is sent meanwhile is lost. */
  silence(isSilent = true): void {
    this.#isSilent = isSilent;
  }

  /** To every WebSocket that is open. */
  broadcast(data: string | Buffer): void {
    for (const socket of this.#webSockets.clients) this.send(socket, data);
  }

  send(socket: WebSocket, data: string | Buffer): void {
    if (!this.#isSilent) socket.send(data);
  }

  /** All lines break; the server itself goes on. */
  cutConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** kill -9: lines break, memory is gone, the port is closed. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.cutConnections();
    this.#options.forget?.();
    if (server) await new Promise((resolve) => server.close(resolve));
  }

  /** Comes back at the same address. */
  async restart(): Promise<void> {
    if (this.#server) await this.kill();
    const server = createServer((request, response) => void this.#serve(request, response));
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('upgrade', (request, socket, head) => {
      if (!this.#options.connected) return void socket.destroy();
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket) =>
        this.#options.connected!(webSocket, read(request, Buffer.alloc(0))),
      );
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of message) chunks.push(chunk as Buffer);
    } catch {
      return; // the client hung up
    }
    const request = read(message, Buffer.concat(chunks));
    this.requests.push(request);
    if (this.requests.length > 2 * REQUESTS_KEPT) this.requests.splice(0, REQUESTS_KEPT);
    await this.watcher(request);
    if (response.destroyed) return; // killed meanwhile
    const plan = this.#plans.find(({ path, left }) => left > 0 && path.test(request.path));
    if (plan) plan.left -= 1;
    await this.#answer(request, response, plan?.how);
  }

  async #answer(
    request: SimulatedRequest,
    response: ServerResponse,
    how: Misbehaviour | undefined,
  ): Promise<void> {
    const { answer } = this.#options;
    if (how === 'hang') return;
    if (how === 'reset') return void response.destroy();
    if (how === 'error')
      return void response
        .writeHead(500, { 'content-type': 'text/plain' })
        .end('500 Internal Server Error\n\nServer got itself in trouble');
    if (how === 'garbage')
      return void response
        .writeHead(200, { 'content-type': 'text/html' })
        .end('<html><body>Welcome to the router</body></html>');
    if (how === 'answerLost') swallow(response);
    if (how === 'cut') halve(response);
    await answer(request, response);
  }

  async close(): Promise<void> {
    await this.kill();
    for (const socket of this.#webSockets.clients) socket.terminate();
    this.#webSockets.close();
  }
}

function read(
  { method = '', url = '/', headers }: IncomingMessage,
  body: Buffer,
): SimulatedRequest {
  const { pathname, searchParams } = new URL(url, 'http://simulator');
  return { method, path: pathname, query: searchParams, headers, body };
}

/** Nothing of the answer leaves, and the line breaks at its end. */
function swallow(response: ServerResponse): void {
  response.writeHead = () => response;
  response.write = () => true;
  response.end = () => response.destroy();
}

/** The head promises all of it, the line breaks half-way. */
function halve(response: ServerResponse): void {
  response.end = (chunk?: unknown) => {
    const bytes = Buffer.from((chunk ?? '') as string);
    if (!response.headersSent) response.setHeader('content-length', bytes.length + 1);
    response.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), () => response.destroy());
    return response;
  };
}
