// How much there may be at once: connections, requests under way, WebSockets. What is too much is turned
// away with a time to come back, and what is there goes on undisturbed.
import type { FastifyInstance } from 'fastify';
import { refuse } from './problems.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** An answer that goes on for as long as a socket does, and is counted as one. */
    isHeldOpen?: boolean;
  }
}

export interface Limits {
  readonly connections: number;
  /** Requests under way, each with a body in memory and perhaps a database connection. */
  readonly requests: number;
  readonly sockets: number;
  /** Of one account, or one worker: tabs, bots, and what was left behind by broken networks. */
  readonly socketsOfOne: number;
}

export const LIMITS: Limits = {
  connections: 12_000,
  requests: 1_000,
  sockets: 10_000,
  socketsOfOne: 32,
};

/** So many more connections are answered that there is no room; beyond them nobody is. */
const TOLD = 500;
/** Whoever looks after the process has to get an answer just then. */
const ALWAYS = /^\/(healthz|readyz|metrics)$/;

/** @param isCounted a request that is answered here, and not by the website */
export function limitRequests(
  app: FastifyInstance,
  limits: Pick<Limits, 'connections' | 'requests'>,
  isCounted: (url: string) => boolean,
): void {
  let connections = 0;
  let requests = 0;
  const counted = new WeakSet<object>();
  app.server.maxConnections = limits.connections + TOLD;
  app.server.on('connection', (socket) => {
    connections += 1;
    socket.once('close', () => (connections -= 1));
  });
  app.addHook('onRequest', async (request, reply) => {
    if (ALWAYS.test(request.url)) return;
    if (connections > limits.connections) {
      reply.header('connection', 'close');
      throw refuse('overloaded', 'Too many connections are open. Try again in a moment.');
    }
    if (request.ws || request.routeOptions.config.isHeldOpen || !isCounted(request.url)) return;
    if (requests >= limits.requests)
      throw refuse('overloaded', 'Too many requests are under way. Try again in a moment.');
    requests += 1;
    counted.add(request);
  });
  app.addHook('onResponse', async (request) => {
    if (counted.delete(request)) requests -= 1;
  });
}

export class SocketCount {
  readonly #limits: Pick<Limits, 'sockets' | 'socketsOfOne'>;
  readonly #byOwner = new Map<string, number>();
  #open = 0;

  constructor(limits: Pick<Limits, 'sockets' | 'socketsOfOne'>) {
    this.#limits = limits;
  }

  get isFull(): boolean {
    return this.#open >= this.#limits.sockets;
  }

  /** Counts the socket until it closes. @returns false if its owner has too many already */
  admit(socket: { once(event: 'close', listener: () => void): unknown }, owner: string): boolean {
    const own = this.#byOwner.get(owner) ?? 0;
    this.#open += 1;
    this.#byOwner.set(owner, own + 1);
    socket.once('close', () => this.#leave(owner));
    return own < this.#limits.socketsOfOne;
  }

  #leave(owner: string): void {
    this.#open -= 1;
    const left = this.#byOwner.get(owner)! - 1;
    if (left === 0) this.#byOwner.delete(owner);
    else this.#byOwner.set(owner, left);
  }
}
