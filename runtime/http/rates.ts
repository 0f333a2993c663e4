// How often one may ask: each account, each key, each frontend's key and each network has its share of a minute. Every
// answer says what is left (RateLimit header fields for HTTP, draft 11, beside the ones OpenAI's clients read).
import { isIPv6 } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { SYSTEM_ACCOUNT } from '../../machines/contract/ids.ts';
import { isLoopback } from '../config.ts';
import type { Host } from '../host.ts';
import type { Principal } from './principals.ts';
import { refuse } from './problems.ts';

const WINDOW_S = 60;
/** Of a minute. More than so many can only be made up, and must not fill the memory. */
const NAMES_MAX = 200_000;

/** Requests within a minute. */
export interface Rates {
  readonly account: number;
  readonly key: number;
  /** A frontend speaks for many; each of them has an account's share. */
  readonly frontend: number;
  readonly network: number;
}

/** Counts within windows that are the same for everybody. Shared by runtimes where Redis is there. */
export interface RateCounter {
  /** One more of each. @returns how many there were of each in the window, with this one */
  add(names: readonly string[], window: number, windowMs: number): Promise<readonly number[]>;
}

export class LocalCounter implements RateCounter {
  #window = -1;
  #counts = new Map<string, number>();

  add(names: readonly string[], window: number): Promise<readonly number[]> {
    if (window !== this.#window) this.#counts = new Map();
    this.#window = window;
    return Promise.resolve(
      names.map((name) => {
        const count = (this.#counts.get(name) ?? 0) + 1;
        if (count > 1 || this.#counts.size < NAMES_MAX) this.#counts.set(name, count);
        return count;
      }),
    );
  }
}

/** Whoever cannot reach the shared counter counts alone: each runtime then lets as many in as one should. */
export const withFallback = (shared: RateCounter): RateCounter => {
  const local = new LocalCounter();
  return {
    add: (names, window, windowMs) =>
      shared.add(names, window, windowMs).catch(() => local.add(names, window)),
  };
};

interface Policy {
  readonly name: keyof Rates;
  readonly of: string;
  /** Of a key that has a lower limit of its own. */
  readonly max?: number | null;
}

export function limitRates(app: FastifyInstance, host: Host, counter: RateCounter): RateKeeper {
  const { rates } = host.config;
  const take = async (reply: FastifyReply, policies: readonly Policy[]) => {
    if (policies.length === 0) return;
    const now = host.clock.now();
    const windowMs = WINDOW_S * 1000;
    const window = Math.floor(now / windowMs);
    const names = policies.map(({ name, of }) => `${name}:${of}`);
    const counts = await counter.add(names, window, windowMs);
    const leftS = Math.max(1, Math.ceil(((window + 1) * windowMs - now) / 1000));
    const shown = policies.map(({ name, max: own }, n) => {
      const max = Math.min(rates[name], own ?? Infinity);
      return { name, max, left: Math.max(0, max - counts[n]!), isOver: counts[n]! > max };
    });
    show(reply, shown, leftS);
    const over = shown.find(({ isOver }) => isOver);
    if (over)
      throw refuse(
        'rate_limited',
        `More than ${over.max} requests a minute came from this ${WORDS[over.name]}. Try again in ${leftS} s.`,
        { retry_after_s: leftS, policy: over.name },
      );
  };
  app.addHook('onRequest', async (request, reply) => {
    if (!isCounted(request)) return;
    const network = networkOf(request.ip);
    // This machine's own bots, workers and website share an address.
    await take(reply, network === null ? [] : [{ name: 'network', of: network }]);
  });
  return {
    afterTheDoor: () =>
      app.addHook('onRequest', async (request, reply) => {
        if (isCounted(request) && request.principal)
          await take(reply, policiesOf(request.principal));
      }),
  };
}

export interface RateKeeper {
  /** To be called when who asks is known. */
  afterTheDoor(): void;
}

const WORDS: Readonly<Record<keyof Rates, string>> = {
  account: 'account',
  key: 'key',
  frontend: 'frontend',
  network: 'network',
};

const isCounted = ({ url }: FastifyRequest): boolean => url.startsWith('/v1/');

function policiesOf({
  kind,
  accountId,
  id,
  requestsPerMinute: max = null,
}: Principal): readonly Policy[] {
  // Workers and operators ask as often as they must; who pretends to be one is counted by network.
  if (kind === 'worker' || kind === 'admin') return [];
  const account: Policy = { name: 'account', of: accountId };
  if (kind === 'session') return [account];
  // A frontend that speaks for nobody in particular is counted by its key alone.
  const ofAccount = accountId === SYSTEM_ACCOUNT ? [] : [account];
  return [...ofAccount, { name: kind === 'frontend' ? 'frontend' : 'key', of: id, max }];
}

/** One household has a whole /64 of IPv6. Null: this machine. */
export function networkOf(ip: string): string | null {
  const address = ip.replace(/^::ffff:(?=\d+\.)/i, '');
  if (isLoopback(address)) return null;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('%', 1)[0]!.split('::');
  const parts = head === '' ? [] : head.split(':');
  const behind = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - parts.length - behind.length;
  const all = [...parts, ...Array.from({ length: zeros }, () => '0'), ...behind];
  return all
    .slice(0, 4)
    .map((part) => parseInt(part, 16).toString(16))
    .join(':');
}

interface Shown {
  readonly name: keyof Rates;
  readonly max: number;
  readonly left: number;
}

function show(reply: FastifyReply, shown: readonly Shown[], leftS: number): void {
  const add = (header: string, items: readonly string[]) => {
    const before = reply.getHeader(header);
    reply.header(header, [...(before === undefined ? [] : [String(before)]), ...items].join(', '));
  };
  add(
    'ratelimit-policy',
    shown.map(({ name, max }) => `"${name}";q=${max};w=${WINDOW_S}`),
  );
  add(
    'ratelimit',
    shown.map(({ name, left }) => `"${name}";r=${left};t=${leftS}`),
  );
  const [tightest] = shown.toSorted((a, b) => a.left - b.left);
  reply.headers({
    'x-ratelimit-limit-requests': String(tightest!.max),
    'x-ratelimit-remaining-requests': String(tightest!.left),
    'x-ratelimit-reset-requests': `${leftS}s`,
  });
}
