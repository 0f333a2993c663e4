// The page as a person has it: the whole of Tessera in its own processes, and a real browser.
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CHROMIUM_ARGS, CHROMIUM_NEED, chromiumPath } from '../ops/chromium.ts';
import {
  cleanEnvironment,
  endTessera,
  freePort,
  removeFolder,
  startTessera,
  type Tessera,
  temporaryFolder,
} from '../ops/testing.ts';

const executablePath = chromiumPath();
// A bound for what hangs; everything below waits for what the page shows.
const PATIENCE_MS = 90_000;

describe.skipIf(executablePath === null)(`the studio (${CHROMIUM_NEED})`, () => {
  let home: string;
  let up: Tessera;
  let address: string;
  let browser: Browser;
  let context: BrowserContext;

  beforeAll(async () => {
    home = temporaryFolder('studio');
    const port = await freePort();
    up = startTessera(['up'], cleanEnvironment({ TESSERA_HOME: home, PORT: String(port) }));
    [, address] = (await up.says(/Tessera is ready at (http\S+)/)) as unknown as [string, string];
    browser = await chromium.launch({ executablePath: executablePath ?? '', args: CHROMIUM_ARGS });
    context = await visitor();
  });
  afterAll(async () => {
    await browser?.close();
    await endTessera(up);
    removeFolder(home);
  });
  afterEach(async () => {
    for (const page of context.pages()) await page.close();
  });

  /** A browser of its own, watched: nothing from elsewhere, nothing forbidden by the policy. */
  async function visitor(options: Parameters<Browser['newContext']>[0] = {}) {
    const made = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    made.setDefaultTimeout(PATIENCE_MS);
    made.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(address) && !url.startsWith('data:') && !url.startsWith('blob:'))
        complaints.push(`asked elsewhere: ${url}`);
    });
    made.on('weberror', (error) => complaints.push(String(error.error())));
    made.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) complaints.push(message.text());
    });
    return made;
  }
  const complaints: string[] = [];

  async function open(): Promise<Page> {
    const page = await context.newPage();
    await page.goto(address);
    await page.getByRole('button', { name: /tokens left/ }).waitFor();
    return page;
  }
  const card = (page: Page, prompt: string) =>
    page.getByRole('article').filter({ hasText: prompt });
  const ask = async (page: Page, prompt: string) => {
    await page.getByLabel('What should the picture show?').fill(prompt);
    await page.keyboard.press('Enter');
  };

  it('makes a picture from words, while another tab follows', async () => {
    const page = await open();
    const other = await open();
    await page.getByText('1 token, ready').waitFor();
    await ask(page, 'A harbour in the morning');
    await card(other, 'A harbour in the morning').waitFor();

    const mine = card(page, 'A harbour in the morning');
    await mine.getByText('1 token charged').waitFor();
    await card(other, 'A harbour in the morning').getByText('1 token charged').waitFor();
    await page.getByRole('button', { name: '19 tokens left' }).waitFor();

    const picture = mine.getByRole('img', { name: 'A harbour in the morning' });
    await expect
      .poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth))
      .toBe(1024);
    const download = page.waitForEvent('download');
    await mine.getByRole('link', { name: 'Download' }).click();
    expect((await download).suggestedFilename()).toMatch(/^a-harbour-in-the-morning\.\w+$/);
  });

  it('shows my jobs again after a reload, with the draft, and uses one again', async () => {
    const page = await open();
    const mine = card(page, 'A harbour in the morning');
    await page.getByLabel('What should the picture show?').fill('half a thought');
    await page.reload();
    await mine.getByText('1 token charged').waitFor();
    const prompt = page.getByLabel('What should the picture show?');
    expect(await prompt.inputValue()).toBe('half a thought');

    await mine.getByRole('button', { name: 'Use again' }).click();
    expect(await prompt.inputValue()).toBe('A harbour in the morning');
    await page.getByText('Advanced').click();
    expect(await page.getByLabel('Seed').inputValue()).toMatch(/^\d+$/);
  });

  it('cancels a waiting job, and the tokens come back', async () => {
    const page = await open();
    const names = ['first', 'second', 'third'];
    await page.getByText('Atelier').first().click();
    for (const name of names) {
      await ask(page, `A city at night, the ${name}`);
      await card(page, `the ${name}`).waitFor();
    }
    const last = card(page, 'the third');
    await last.getByText('Returns 1 token').waitFor();
    await last.getByRole('button', { name: 'Cancel' }).click();
    await last.getByText('Nothing charged, 1 token returned').waitFor();
    for (const name of names.slice(0, 2)) {
      await card(page, `the ${name}`).getByText('1 token charged').waitFor();
    }
    await page.getByRole('button', { name: '17 tokens left' }).click();
    await page.getByText('Returned: you cancelled the job').waitFor();
  });

  it('speaks, and says what to connect for what nobody does', async () => {
    const page = await open();
    await page.getByText('Speech', { exact: true }).click();
    await page.getByLabel('What should be said?').fill('The last ferry leaves at nine.');
    await page.keyboard.press('Enter');
    await card(page, 'The last ferry').getByRole('button', { name: /^Play/ }).waitFor();
    await page.getByText('Transcript', { exact: true }).click();
    await page.getByText('Connect a worker with a Whisper server').waitFor();
    expect(await page.getByRole('button', { name: 'Create' }).isDisabled()).toBe(true);
  });

  it('fits a small phone, and works by keyboard alone', async () => {
    const page = await open();
    await page.setViewportSize({ width: 360, height: 640 });
    await card(page, 'A harbour in the morning').first().waitFor();
    const wider = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(wider).toBe(0);
    await page.getByRole('radio', { name: 'Transcript' }).focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.getByRole('radio', { name: 'Image' }).isChecked()).toBe(true);
    await page.getByRole('button', { name: /Sketch|Atelier/ }).press('Enter');
    await page.getByRole('radio', { name: 'Wide' }).press('Space');
    await page.getByText('1344 × 768').first().waitFor();
  });

  it('says what it is to a visitor without scripts', async () => {
    const plain = await visitor({ javaScriptEnabled: false });
    const page = await plain.newPage();
    await page.goto(address);
    expect(await page.getByRole('heading', { name: 'This is Tessera.' }).isVisible()).toBe(true);
    expect(await page.getByRole('button', { name: 'Create' }).isVisible()).toBe(false);
    await plain.close();
  });

  it('asked nobody else for anything, and broke no rule of its own', () => {
    expect(complaints).toEqual([]);
  });
});
