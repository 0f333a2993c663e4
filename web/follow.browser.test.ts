// The page follows along whatever dies behind it: nobody reloads, nothing is lost, nothing costs twice.
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CHROMIUM_ARGS, CHROMIUM_NEED, chromiumPath } from '../ops/chromium.ts';
import {
  cleanEnvironment,
  endTessera,
  freePort,
  pidOf,
  removeFolder,
  startTessera,
  type Tessera,
  temporaryFolder,
} from '../ops/testing.ts';

const executablePath = chromiumPath();
const PATIENCE_MS = 90_000;

describe.skipIf(executablePath === null)(`a page that stays open (${CHROMIUM_NEED})`, () => {
  let home: string;
  let up: Tessera;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    home = temporaryFolder('follow');
    const port = String(await freePort());
    up = startTessera(['up'], cleanEnvironment({ TESSERA_HOME: home, PORT: port }));
    const [, address = ''] = await up.says(/Tessera is ready at (http\S+)/);
    browser = await chromium.launch({ executablePath: executablePath ?? '', args: CHROMIUM_ARGS });
    page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await page.goto(address);
    await page.getByRole('button', { name: /tokens left/ }).waitFor();
  });
  afterAll(async () => {
    await browser?.close();
    await endTessera(up);
    removeFolder(home);
  });

  const card = (prompt: string) => page.getByRole('article').filter({ hasText: prompt });
  const ask = async (prompt: string) => {
    await page.getByLabel('What should the picture show?').fill(prompt);
    await page.keyboard.press('Enter');
    await card(prompt).waitFor();
  };

  it.each(['runtime', 'worker'] as const)('through kill -9 of the %s', async (victim) => {
    await page.getByText('Atelier').first().click();
    const running = `Cliffs, before the ${victim} dies`;
    const waiting = `A meadow, behind it in the queue, ${victim}`;
    await ask(running);
    await ask(waiting);
    // While it runs, if the page shows that in time; else at whatever point it is. What must hold is the same.
    await card(running)
      .getByText(/^(Working|\d+ %)/)
      .first()
      .waitFor({ timeout: 20_000 })
      .catch(() => undefined);
    process.kill(pidOf(home, victim), 'SIGKILL');
    for (const prompt of [running, waiting])
      await card(prompt).getByText('1 token charged').waitFor();
    const left = victim === 'runtime' ? 18 : 16;
    await page.getByRole('button', { name: `${left} tokens left` }).waitFor();
    expect(await page.getByRole('article').count()).toBe(20 - left);
  });
});
