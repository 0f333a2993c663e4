// Test equipment: a public Tessera with both providers beside it, and browsers that keep their cookies.
import type { LightMyRequestResponse } from 'fastify';
import type { SignIn } from '../../machines/contract/sign-in.ts';
import { miniApps } from '../../adapters/identity/mini-apps.ts';
import { BOT_ID, BOT_TOKEN, TELEGRAM } from '../../adapters/identity/mini-apps-testing.ts';
import { passkeys } from '../../adapters/identity/passkeys.ts';
import { discord, telegram } from '../../adapters/identity/providers.ts';
import { CLIENT, FakeProviders } from '../../adapters/identity/providers-testing.ts';
import type { AppOptions } from './app.ts';
import { startTestRuntime, type TestRuntime } from './testing.ts';

export const SITE = 'http://localhost:8000';
/** Whom the configuration lets operate it, when they sign in with Discord. */
export const OPERATOR = '4711';

export function signInWith(fake: FakeProviders, site = SITE): SignIn {
  const settings = { ...CLIENT, base: fake.base };
  return {
    providers: [discord(settings), telegram(settings)],
    miniApps: miniApps([BOT_TOKEN, BOT_ID], TELEGRAM.publicKey),
    passkeys: passkeys(site),
  };
}

/** @param page answers for the website, where a real browser comes */
export async function startPublicRuntime(site = SITE, page: AppOptions['site'] = null) {
  const callbacks = ['discord', 'telegram'].map((id) => `${site}/v1/session/callback/${id}`);
  const fake = await FakeProviders.start(callbacks);
  const runtime = await startTestRuntime({
    config: {
      ...{ isLocalMode: false, publicUrl: site },
      signIn: {
        ...{ discord: null, telegram: null, miniAppBots: [] },
        operators: [`discord:${OPERATOR}`],
      },
    },
    signIn: signInWith(fake, site),
    site: page,
  });
  return {
    ...{ fake, runtime },
    browser: () => new TestBrowser(runtime),
    async stop() {
      await runtime.stop();
      await fake.stop();
    },
  };
}

/** As far as cookies and redirects go. */
export class TestBrowser {
  readonly #runtime: TestRuntime;
  readonly cookies = new Map<string, string>();
  /** Whole, with what it says about itself. */
  lastCookies: readonly string[] = [];

  constructor(runtime: TestRuntime) {
    this.#runtime = runtime;
  }

  async ask(
    url: string,
    json?: unknown,
    method: 'GET' | 'POST' | 'DELETE' = json === undefined ? 'GET' : 'POST',
  ): Promise<LightMyRequestResponse> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await this.#runtime.app.inject({
      ...{ method, url },
      headers: { cookie, origin: SITE, host: 'localhost:8000', 'user-agent': 'a browser of tests' },
      ...(json === undefined ? {} : { payload: json as object }),
    });
    this.lastCookies = [answer.headers['set-cookie'] ?? []].flat();
    for (const each of this.lastCookies) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(each) ?? [];
      if (value === '') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return answer;
  }

  /** To the provider, and its answer: the way back, not yet gone. */
  async toProvider(provider: 'discord' | 'telegram', more: object = {}): Promise<string> {
    const begun = await this.ask('/v1/session/attempts', { provider, ...more });
    if (begun.statusCode !== 201) throw new Error(begun.body);
    const { url } = begun.json<{ url: string }>();
    const answer = await fetch(url, { redirect: 'manual' });
    const back = answer.headers.get('location');
    if (back === null) throw new Error(`The provider refused ${url}.`);
    return back.replace(/^https?:\/\/[^/]+/, '');
  }

  /** @returns where the browser ends up */
  async signIn(provider: 'discord' | 'telegram', more: object = {}): Promise<string> {
    const answer = await this.ask(await this.toProvider(provider, more));
    if (answer.statusCode !== 303) throw new Error(answer.body);
    return String(answer.headers.location);
  }

  async account(): Promise<{ id: string }> {
    return (await this.ask('/v1/account')).json<{ id: string }>();
  }
}
