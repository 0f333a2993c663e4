// Where a browser for the `*.browser.test.ts` is. Tests use the machine's own: nothing is downloaded.
//   describe.skipIf(chromiumPath() === null)('studio', ...)
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export const CHROMIUM_NEED =
  'needs Chromium (apt-get install chromium, or set CHROMIUM_PATH to a Chrome or Chromium)';

/** For a browser without a display, without a sandbox (root has none) and without calls home. */
export const CHROMIUM_ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

const COMMANDS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const MAC_APPS = ['Google Chrome', 'Chromium'].map(
  (name) => `/Applications/${name}.app/Contents/MacOS/${name}`,
);

export function chromiumPath(env: NodeJS.ProcessEnv = process.env): string | null {
  if (env.CHROMIUM_PATH) return env.CHROMIUM_PATH;
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const candidates = folders.flatMap((folder) => COMMANDS.map((name) => join(folder, name)));
  return [...candidates, ...(process.platform === 'darwin' ? MAC_APPS : [])].find(runs) ?? null;
}

function runs(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
