// The inspector as an operator and a person have it: all of Tessera in its own processes, and a real browser.
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
const PATIENCE_MS = 90_000;

describe.skipIf(executablePath === null)(`the inspector (${CHROMIUM_NEED})`, () => {
  let home: string;
  let up: Tessera;
  let address: string;
  let browser: Browser;
  let context: BrowserContext;
  const complaints: string[] = [];

  beforeAll(async () => {
    home = temporaryFolder('inspector');
    const port = await freePort();
    up = startTessera(['up'], cleanEnvironment({ TESSERA_HOME: home, PORT: String(port) }));
    [, address] = (await up.says(/Tessera is ready at (http\S+)/)) as unknown as [string, string];
    browser = await chromium.launch({ executablePath: executablePath ?? '', args: CHROMIUM_ARGS });
    context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    context.setDefaultTimeout(PATIENCE_MS);
    context.on('weberror', (error) => complaints.push(String(error.error())));
    context.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
  });
  afterAll(async () => {
    await browser?.close();
    await endTessera(up);
    removeFolder(home);
  });

  const lit = (page: Page) =>
    page.locator('g.state.active:not(.compound, .parallel)').getAttribute('data-state');

  it('lights where a job is, follows it to its end, and goes back through its turns', async () => {
    const studio = await context.newPage();
    await studio.goto(address);
    await studio.getByText('1 token, ready').waitFor();
    await studio.getByLabel('What should the picture show?').fill('A quarry at noon');
    await studio.keyboard.press('Enter');
    await studio.getByRole('article').filter({ hasText: 'A quarry at noon' }).waitFor();

    const page = await context.newPage();
    await page.goto(`${address}/inspect`);
    await page.getByRole('button', { name: 'Ended jobs' }).click();
    await page.locator('li a').first().click();
    await page.locator('.badge.now', { hasText: 'succeeded' }).waitFor();
    expect(await lit(page)).toBe('succeeded');
    await page.getByRole('heading', { name: 'run.finished' }).waitFor();
    expect(await page.locator('g.arrow.taken').count()).toBe(2); // by way of `storing`

    await page.keyboard.press('ArrowLeft');
    await page.getByRole('heading', { name: 'run.started' }).waitFor();
    expect(await lit(page)).toBe('assigned.executing');

    await page.getByRole('button', { name: 'What if another event came?' }).click();
    await page.getByLabel('Event').selectOption('job.cancelRequested');
    await page.getByRole('button', { name: 'Try it on a copy' }).click();
    await page.getByText('It would move to cancelled.').waitFor();

    await page.getByRole('button', { name: 'Newest' }).click();
    await page
      .getByRole('link', { name: /quota acc_local/ })
      .first()
      .click();
    await page.getByRole('heading', { name: 'hold.captureRequested' }).waitFor();
    await page.getByText('live', { exact: true }).waitFor();

    // Live: the next job's hold arrives while somebody looks.
    await studio.getByLabel('What should the picture show?').fill('A quarry at night');
    await studio.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'hold.requested' }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('shows people what happened to their own job, without the house’s own', async () => {
    const page = await context.newPage();
    await page.goto(address);
    await page.getByRole('link', { name: 'what happened' }).first().click();
    await page.getByRole('heading', { name: /^Turn \d/ }).waitFor();
    expect(await page.getByText(/wrk_/).count()).toBe(0);
    expect(await page.getByRole('link', { name: /quota/ }).count()).toBe(0);
    expect(complaints).toEqual([]);
  });
});
