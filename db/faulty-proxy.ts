// Test equipment: a TCP proxy in front of Postgres that breaks what passes through it, and heals again.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** `answers`: from the server; `requests`: to it. */
export type Direction = 'answers' | 'requests';

/** What happens to what passes, from now on; one thing at a time. */
export type Fault =
  /** Answers vanish; requests still arrive, and are executed. */
  | { readonly kind: 'swallowAnswers' }
  /** Half-open: connections are accepted, nothing passes in either direction, nobody is told. */
  | { readonly kind: 'blackHole' }
  /** Each connection is reset when it has passed this many more bytes, in the middle of a message. */
  | { readonly kind: 'resetAt'; readonly direction: Direction; readonly bytes: number }
  /** Answers come in pieces of this size, each in a turn of the event loop of its own. */
  | { readonly kind: 'trickle'; readonly bytes: number }
  | { readonly kind: 'latency'; readonly ms: number }
  /** The request is executed; its whole answer is dropped and the connection reset. */
  | { readonly kind: 'loseAnswer'; readonly of: (request: string) => boolean }
  /** The connection is reset in place of passing the request on. */
  | { readonly kind: 'loseRequest'; readonly of: (request: string) => boolean };

export interface FaultyProxy {
  /** The given URL, through the proxy. */
  readonly url: string;
  /** Connections that were ever accepted, and those that clients still hold open. */
  readonly accepted: number;
  readonly open: number;
  /** Null heals. What a connection lost meanwhile stays lost. */
  inject(fault: Fault | null): void;
  /** Clients lose their connection at once. The server is not told: it works on. */
  cutClients(): void;
  refuse(): Promise<void>;
  accept(): Promise<void>;
  /** Resolves when no client holds a connection any more. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  const { hostname, port } = new URL(target);
  const pipes = new Set<Pipe>();
  const upstreams = new Set<Socket>();
  let fault: Fault | null = null;
  let accepted = 0;
  let whenEmpty: (() => void)[] = [];

  const onConnection = (client: Socket) => {
    accepted += 1;
    const upstream = connect(Number(port), hostname);
    const pipe = new Pipe(client, upstream, () => fault);
    pipes.add(pipe);
    upstreams.add(upstream);
    client.on('close', () => {
      // A polite end is passed on; a cut removes the pipe first and stays unknown to the server.
      if (pipes.delete(pipe)) upstream.destroy();
      if (pipes.size > 0) return;
      for (const resolve of whenEmpty) resolve();
      whenEmpty = [];
    });
    upstream.on('close', () => upstreams.delete(upstream) && client.destroy());
  };

  const listen = async (at: number): Promise<Server> => {
    const server = createServer(onConnection).listen(at, '127.0.0.1');
    await once(server, 'listening');
    return server;
  };
  let server: Server | null = await listen(0);
  const own = (server.address() as AddressInfo).port;
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(own);

  const cutClients = () => {
    for (const pipe of [...pipes]) {
      pipes.delete(pipe);
      pipe.client.destroy();
    }
    fault = null;
  };
  const refuse = async () => {
    const closed = server && once(server.close(), 'close');
    server = null;
    cutClients();
    await closed;
  };
  return {
    url: url.href,
    get accepted() {
      return accepted;
    },
    get open() {
      return pipes.size;
    },
    inject: (next) => (fault = next),
    cutClients,
    refuse,
    accept: async () => void (server ??= await listen(own)),
    empty: () =>
      pipes.size === 0 ? Promise.resolve() : new Promise((resolve) => whenEmpty.push(resolve)),
    close: async () => {
      await refuse();
      for (const upstream of upstreams) upstream.destroy();
    },
  };
}

/** Begins the last message of every answer: ReadyForQuery and its length; the transaction's state follows. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5]);

/** One connection, both ways. */
class Pipe {
  readonly client: Socket;
  readonly #upstream: Socket;
  readonly #fault: () => Fault | null;
  /** Passed since the fault began, for the one that counts bytes. */
  #counted: { readonly fault: Fault; bytes: number } | null = null;
  /** The end of the answer that is being lost; null while none is. */
  #losing: Buffer | null = null;
  /** Pieces leave in order, whatever each of them waits for. */
  #order: Promise<void> = Promise.resolve();

  constructor(client: Socket, upstream: Socket, fault: () => Fault | null) {
    this.client = client;
    this.#upstream = upstream;
    this.#fault = fault;
    client.on('data', (chunk) => this.#pass('requests', chunk));
    upstream.on('data', (chunk) => this.#pass('answers', chunk));
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
  }

  #pass(direction: Direction, chunk: Buffer): void {
    const fault = this.#fault();
    const to = direction === 'answers' ? this.client : this.#upstream;
    if (direction === 'answers' && this.#losing) {
      this.#losing = Buffer.concat([this.#losing, chunk]).subarray(-READY.length - 1);
      if (this.#losing.indexOf(READY) === 0) this.#reset();
      return;
    }
    switch (fault?.kind) {
      case 'swallowAnswers':
        if (direction === 'requests') to.write(chunk);
        return;
      case 'blackHole':
        return;
      case 'resetAt':
        return this.#passUntil(fault, direction, chunk);
      case 'trickle':
        if (direction === 'answers') return this.#trickle(chunk, fault.bytes);
        return void to.write(chunk);
      case 'latency':
        return void setTimeout(() => to.write(chunk), fault.ms);
      case 'loseRequest':
        if (direction === 'requests' && fault.of(chunk.toString('latin1'))) return this.#reset();
        return void to.write(chunk);
      case 'loseAnswer':
        if (direction === 'requests' && fault.of(chunk.toString('latin1')))
          this.#losing ??= Buffer.alloc(0);
        return void to.write(chunk);
      case undefined:
        return void to.write(chunk);
    }
  }

  #passUntil(fault: Fault & { kind: 'resetAt' }, direction: Direction, chunk: Buffer): void {
    const to = direction === 'answers' ? this.client : this.#upstream;
    if (direction !== fault.direction) return void to.write(chunk);
    if (this.#counted?.fault !== fault) this.#counted = { fault, bytes: 0 };
    const left = fault.bytes - this.#counted.bytes;
    this.#counted.bytes += chunk.length;
    if (chunk.length < left) return void to.write(chunk);
    to.write(chunk.subarray(0, left), () => this.#reset());
  }

  #trickle(chunk: Buffer, bytes: number): void {
    for (let at = 0; at < chunk.length; at += bytes)
      this.#order = this.#order.then(async () => {
        await new Promise((resolve) => setImmediate(resolve));
        this.client.write(chunk.subarray(at, at + bytes));
      });
  }

  #reset(): void {
    this.client.resetAndDestroy();
    this.#upstream.destroy();
  }
}
