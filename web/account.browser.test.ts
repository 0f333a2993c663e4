// Signing in and one's own account, as a person has it: a public Tessera with providers beside it, in a real browser
// whose authenticator keeps a passkey.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SYSTEM_ACCOUNT } from '../machines/contract/ids.ts';
import { CHROMIUM_ARGS, CHROMIUM_NEED, chromiumPath } from '../ops/chromium.ts';
import { REPOSITORY } from '../ops/cli/home.ts';
import { freePort } from '../ops/testing.ts';
import { ensureSite } from '../ops/up/site.ts';
import type { AppOptions } from '../runtime/http/app.ts';
import { startPublicRuntime } from '../runtime/http/sign-in-testing.ts';

const executablePath = chromiumPath();
const PATIENCE_MS = 90_000;

describe.skipIf(executablePath === null)(`one's own account (${CHROMIUM_NEED})`, () => {
  let house: Awaited<ReturnType<typeof startPublicRuntime>>;
  let address: string;
  let browser: Browser;
  let context: BrowserContext;
  const complaints: string[] = [];

  beforeAll(async () => {
    await ensureSite({ root: REPOSITORY, say: () => {}, signal: new AbortController().signal });
    const port = await freePort();
    address = `http://localhost:${port}`;
    const built = (await import(
      pathToFileURL(join(REPOSITORY, 'web', 'build', 'handler.js')).href
    )) as { handler: NonNullable<AppOptions['site']> };
    house = await startPublicRuntime(address, built.handler);
    await house.runtime.app.listen({ host: '127.0.0.1', port });
    browser = await chromium.launch({ executablePath: executablePath ?? '', args: CHROMIUM_ARGS });
    context = await visitor();
  });
  afterAll(async () => {
    await browser?.close();
    await house?.stop();
  });

  async function visitor(options: Parameters<Browser['newContext']>[0] = {}) {
    const made = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    made.setDefaultTimeout(PATIENCE_MS);
    made.on('weberror', (error) => complaints.push(String(error.error())));
    made.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) complaints.push(message.text());
    });
    return made;
  }

  /** As somebody looks at it who decides whether it may stay so. */
  const picture = async (page: Page, name: string) => {
    const folder = process.env['TESSERA_TEST_PICTURES'];
    if (folder) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  };

  async function signIn(into: BrowserContext, provider = 'Discord'): Promise<Page> {
    const page = await into.newPage();
    await page.goto(`${address}/sign-in`);
    await page.getByRole('button', { name: `Continue with ${provider}` }).click();
    await page.getByRole('button', { name: /tokens left/ }).waitFor();
    return page;
  }
  const ofBot = async (user: string, url: string, json?: unknown) => {
    const key = (await house.runtime.key('frontend', SYSTEM_ACCOUNT, 'telegram')).key;
    const more = json === undefined ? {} : { json };
    return house.runtime.call({ key, url, headers: { 'tessera-user': user }, ...more });
  };

  it('asks strangers to sign in, and lets them in', async () => {
    const page = await context.newPage();
    await page.goto(address);
    await page.getByText('Sign in to make something of your own.').waitFor();
    await page.getByRole('link', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Continue with Telegram' }).waitFor();
    await picture(page, 'sign-in');
    await page.getByRole('button', { name: 'Continue with Discord' }).click();
    await page.getByRole('button', { name: '20 tokens left' }).waitFor();
    await page.getByRole('link', { name: 'Your account' }).click();
    await page.getByText('Discord: Ann').waitFor();
    await page.close();
  });

  it('says so when a sign-in failed', async () => {
    const other = await visitor();
    house.fake.lies = { namesNobody: true };
    const page = await other.newPage();
    await page.goto(`${address}/sign-in`);
    await page.getByRole('button', { name: 'Continue with Telegram' }).click();
    await page.getByText('Who you are could not be proven. Begin anew.').waitFor();
    house.fake.lies = {};
    await other.close();
  });

  it('keeps a passkey, and opens with it alone', async () => {
    const other = await visitor();
    const page = await signIn(other);
    const protocol = await other.newCDPSession(page);
    await protocol.send('WebAuthn.enable');
    await protocol.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        ...{ protocol: 'ctap2', transport: 'internal', hasResidentKey: true },
        ...{ hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
      },
    });
    await page.goto(`${address}/account`);
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await page.getByText('Passkey: Chrome on Linux').waitFor();
    // The authenticator is known already: it gives no second one, and the page stays calm.
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await page.getByText('The browser gave no passkey. Nothing was changed.').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('link', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Use a passkey' }).click();
    await page.getByRole('button', { name: '20 tokens left' }).waitFor();
    await other.close();
  });

  it('makes a key, tells it once, and revokes it', async () => {
    const page = await context.newPage();
    await page.goto(`${address}/account`);
    await page.getByLabel('Name of a new key').fill('my laptop');
    await page.getByRole('button', { name: 'Make a key' }).click();
    const key = await page.getByText(/^tsr_user_/).textContent();
    expect((await house.runtime.call({ key: key!, url: '/v1/account' })).statusCode).toBe(200);
    await page.getByRole('button', { name: 'Revoke my laptop' }).click();
    await page.getByRole('button', { name: 'Revoke my laptop' }).waitFor({ state: 'detached' });
    expect((await house.runtime.call({ key: key!, url: '/v1/account' })).statusCode).toBe(401);
    await page.close();
  });

  it('shows a code for a chat, and links what the chat asked for', async () => {
    const page = await context.newPage();
    await page.goto(`${address}/account`);
    await page.getByRole('button', { name: 'Link a chat by code' }).click();
    const code = await page.getByText(/^[0-9A-Z]{5}-[0-9A-Z]{5}$/).textContent();
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await picture(page, `account-${scheme}`);
      await page.setViewportSize({ width: 360, height: 740 });
      await picture(page, `account-${scheme}-phone`);
      // Nothing reaches into the margin on the right.
      const rights = await page
        .locator('section, section *')
        .evaluateAll((all) => all.map((each) => each.getBoundingClientRect().right));
      expect(Math.max(...rights)).toBeLessThanOrEqual(360 - 16);
      await page.setViewportSize({ width: 1280, height: 900 });
    }
    const linked = await ofBot('telegram:7001', '/v1/account/links/confirm', { code });
    expect(linked.statusCode).toBe(200);
    await page.reload();
    await page.getByText('Telegram: …7001').waitFor();
    await page.getByText('Another account became part of this one').waitFor();

    const asked = (await ofBot('telegram:7002', '/v1/account/links', {})).json<{ url: string }>();
    await page.goto(asked.url);
    await page.getByText(/You and Telegram \(…7002\) will be one person/).waitFor();
    await picture(page, 'link');
    await page.getByRole('button', { name: 'These are both me' }).click();
    await page.getByText('Telegram: …7002').waitFor();
    await page.getByRole('button', { name: 'Unlink' }).first().waitFor();
    await page.close();
  });

  it('found nothing to complain about', () => {
    expect(complaints).toEqual([]);
  });
});
