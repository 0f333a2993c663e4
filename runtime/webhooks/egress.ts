// Calls to addresses that strangers named. Nothing inside our own network may be reached that way: the name is
// resolved once, each address it has must be a public one, and the connection goes to that very address. Redirects
// are not followed, and of an answer little more than its status is read.
import { lookup } from 'node:dns/promises';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { BlockList, isIP } from 'node:net';

const WHOLE_MS = 15_000;
const ANSWER_BYTES_MAX = 64 * 1024;

/** What is not a place on the public internet (IANA's special-purpose registries, multicast). */
const NOT_PUBLIC = new BlockList();
for (const network of [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24'],
  ...['192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...['224.0.0.0/4', '240.0.0.0/4'],
]) {
  const [address, bits] = network.split('/') as [string, string];
  NOT_PUBLIC.addSubnet(address, Number(bits), 'ipv4');
}
/** Of IPv6 only this is given out; mapped, translated, local and link-local forms lie outside of it. */
const GLOBAL = new BlockList();
GLOBAL.addSubnet('2000::', 3, 'ipv6');
for (const [address, bits] of [
  ...([
    ['2001::', 23],
    ['2001:db8::', 32],
    ['2002::', 16],
    ['3fff::', 20],
  ] as const),
  ...([['2620:4f:8000::', 48]] as const),
] as const)
  NOT_PUBLIC.addSubnet(address, bits, 'ipv6');

export function isPublic(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !NOT_PUBLIC.check(address, 'ipv4');
  return family === 6 && GLOBAL.check(address, 'ipv6') && !NOT_PUBLIC.check(address, 'ipv6');
}

/** A sentence that says why it will not be called. */
export class NotCalled extends Error {
  override readonly name = 'NotCalled';
}

export interface EgressOptions {
  /** `address:port` that may be called though it is private, by http too: for development. */
  readonly allowed: readonly string[];
  readonly resolve?: (host: string) => Promise<readonly string[]>;
  readonly wholeMs?: number;
}

const resolveAll = async (host: string): Promise<readonly string[]> =>
  (await lookup(host, { all: true })).map(({ address }) => address);

export class Egress {
  readonly #options: EgressOptions;

  constructor(options: EgressOptions) {
    this.#options = options;
  }

  /** What can be said of an address without resolving it. @throws NotCalled */
  check(text: string): URL {
    if (!URL.canParse(text)) throw new NotCalled('It is not an address.');
    const url = new URL(text);
    if (this.#isAllowed(url, hostOf(url))) return url;
    if (url.protocol !== 'https:') throw new NotCalled('It must begin with https://.');
    if (url.username !== '' || url.password !== '')
      throw new NotCalled('It must not have a name or a password in it.');
    if (url.port !== '') throw new NotCalled('It must be on port 443.');
    if (isIP(hostOf(url)) !== 0 && !isPublic(hostOf(url))) throw notPublic();
    return url;
  }

  /**
   * Posts, and reads the answer's status. @returns that status
   * @throws NotCalled, Error when nobody answered in time
   */
  async post(
    text: string,
    body: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<number> {
    const url = this.check(text);
    const signal = AbortSignal.timeout(this.#options.wholeMs ?? WHOLE_MS);
    const address = await this.#addressOf(url);
    return send(url, address, body, headers, signal);
  }

  async #addressOf(url: URL): Promise<string> {
    const host = hostOf(url);
    const { resolve = resolveAll } = this.#options;
    const addresses = isIP(host) === 0 ? await resolve(host) : [host];
    const [first] = addresses;
    if (first === undefined) throw new NotCalled('Its name has no address.');
    // One that is both public and private is a trap.
    if (!addresses.every((each) => isPublic(each) || this.#isAllowed(url, each))) throw notPublic();
    return first;
  }

  #isAllowed(url: URL, address: string): boolean {
    const port = url.port || (url.protocol === 'https:' ? '443' : '80');
    return /^https?:$/.test(url.protocol) && this.#options.allowed.includes(`${address}:${port}`);
  }
}

const notPublic = () => new NotCalled('It does not lie on the public internet.');

const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1');

function send(
  url: URL,
  address: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<number> {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
      // A connection of its own, to the address that was looked at and to no other.
      agent: false,
      lookup: (_host, options, found) => {
        const family = isIP(address);
        if (options.all) found(null, [{ address, family }]);
        else found(null, address, family);
      },
      signal,
    });
    outgoing.once('error', (error) =>
      reject(signal.aborted ? new Error('It did not answer in time.') : error),
    );
    outgoing.once('response', (answer) => {
      let bytes = 0;
      const done = () => {
        resolve(answer.statusCode ?? 0);
        answer.destroy();
      };
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.byteLength;
        if (bytes > ANSWER_BYTES_MAX) done();
      });
      answer.once('end', done);
      answer.once('error', () => reject(new Error('Its answer broke off.')));
    });
    outgoing.end(body);
  });
}
