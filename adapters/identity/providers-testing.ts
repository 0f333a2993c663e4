// Discord and Telegram as strict fakes: real HTTP on this machine. They take a code once, from the client it was made
// for, with the verifier and the address it was asked for with; and they can be told to lie.
import {
  createHash,
  createSign,
  generateKeyPairSync,
  randomUUID,
  type KeyObject,
} from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const CLIENT = { clientId: '123456789012345678', clientSecret: 'a-secret-of-ours' };

interface Asked {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly challenge: string;
  readonly nonce: string | null;
  readonly user: FakeUser;
}

export interface FakeUser {
  readonly id: number | string;
  readonly name: string;
}

/** What a fake says otherwise than it should. */
export interface Lies {
  readonly nonce?: string;
  readonly audience?: string;
  readonly issuer?: string;
  readonly expiresInS?: number;
  readonly signedByAnother?: boolean;
  readonly namesNobody?: boolean;
}

export class FakeProviders {
  readonly #server: Server;
  readonly #codes = new Map<string, Asked>();
  readonly #tokens = new Map<string, FakeUser>();
  readonly #key = generateKeyPairSync('rsa', { modulusLength: 2048 });
  readonly #otherKey = generateKeyPairSync('rsa', { modulusLength: 2048 });
  readonly #redirectUris: ReadonlySet<string>;
  /** Who approves next. */
  user: FakeUser = { id: '42', name: 'Ann' };
  lies: Lies = {};

  private constructor(server: Server, redirectUris: readonly string[]) {
    this.#server = server;
    this.#redirectUris = new Set(redirectUris);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#answer(request, response).catch(() => response.writeHead(500).end());
    });
  }

  static async start(redirectUris: readonly string[]): Promise<FakeProviders> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FakeProviders(server, redirectUris);
  }

  get base(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.base);
    const json = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    switch (`${request.method} ${url.pathname}`) {
      case 'GET /oauth2/authorize':
      case 'GET /auth':
        return void this.#authorize(url, response);
      case 'POST /api/oauth2/token':
      case 'POST /token':
        return void json(
          ...this.#redeem(request, await textOf(request), url.pathname === '/token'),
        );
      case 'GET /api/users/@me': {
        const user = this.#tokens.get(request.headers.authorization?.replace(/^Bearer /, '') ?? '');
        if (!user) return void json(401, { message: '401: Unauthorized' });
        const id = this.lies.namesNobody ? user.name : user.id;
        return void json(200, { id, username: 'x', global_name: user.name });
      }
      case 'GET /.well-known/jwks.json':
        return void json(200, { keys: [{ ...jwk(this.#key.publicKey), kid: '1', alg: 'RS256' }] });
      default:
        response.writeHead(404).end();
    }
  }

  #authorize(url: URL, response: ServerResponse): void {
    const get = (name: string) => url.searchParams.get(name) ?? '';
    const redirectUri = get('redirect_uri');
    const isOpenId = url.pathname === '/auth';
    const wrong =
      get('client_id') !== CLIENT.clientId ||
      !this.#redirectUris.has(redirectUri) ||
      get('response_type') !== 'code' ||
      get('state').length < 43 ||
      get('code_challenge_method') !== 'S256' ||
      get('code_challenge').length !== 43 ||
      (isOpenId && get('nonce').length < 43) ||
      get('scope') !== (isOpenId ? 'openid profile' : 'identify');
    if (wrong) return void response.writeHead(400).end();
    const code = randomUUID();
    this.#codes.set(code, {
      ...{ clientId: CLIENT.clientId, redirectUri, challenge: get('code_challenge') },
      ...{ nonce: url.searchParams.get('nonce'), user: this.user },
    });
    const back = new URL(redirectUri);
    back.search = String(new URLSearchParams({ code, state: get('state') }));
    response.writeHead(302, { location: back.href }).end();
  }

  #redeem(request: IncomingMessage, text: string, isOpenId: boolean): [number, object] {
    const { clientId, clientSecret } = CLIENT;
    const basic = Buffer.from(`${clientId}:${clientSecret}`).toString('base64');
    if (request.headers.authorization !== `Basic ${basic}`)
      return [401, { error: 'invalid_client' }];
    const form = new URLSearchParams(text);
    const code = form.get('code') ?? '';
    const asked = this.#codes.get(code);
    this.#codes.delete(code);
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (
      !asked ||
      form.get('grant_type') !== 'authorization_code' ||
      form.get('redirect_uri') !== asked.redirectUri ||
      challenge !== asked.challenge
    )
      return [400, { error: 'invalid_grant' }];
    const token = randomUUID();
    this.#tokens.set(token, asked.user);
    const answer = { access_token: token, token_type: 'Bearer', expires_in: 600 };
    return [200, isOpenId ? { ...answer, id_token: this.#idToken(asked) } : answer];
  }

  #idToken({ nonce, user, clientId }: Asked): string {
    const { lies } = this;
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      ...{ iss: lies.issuer ?? this.base, aud: lies.audience ?? clientId, sub: `9${user.id}` },
      ...{ iat: now, exp: now + (lies.expiresInS ?? 600), nonce: lies.nonce ?? nonce },
      ...(lies.namesNobody ? {} : { id: Number(user.id) }),
      name: user.name,
    };
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const body = `${part({ alg: 'RS256', kid: '1', typ: 'JWT' })}.${part(claims)}`;
    const key = (lies.signedByAnother ? this.#otherKey : this.#key).privateKey;
    return `${body}.${createSign('RSA-SHA256').update(body).sign(key, 'base64url')}`;
  }
}

const jwk = (key: KeyObject) => key.export({ format: 'jwk' });

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk as string;
  return text;
}
