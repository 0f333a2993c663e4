import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../testing.ts';
import { sourcesHash } from './site.ts';

let root: string;
const write = (path: string, text: string): void => {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
};

beforeEach(() => {
  root = temporaryFolder('site');
  write('web/src/routes/+page.svelte', '<h1>Studio</h1>');
  write('adapters/client/http.ts', 'export const a = 1;');
});
afterEach(() => removeFolder(root));

it('a source that changed, came or went asks for a build', () => {
  const hashes = [sourcesHash(root)];
  write('web/src/routes/+page.svelte', '<h1>Gallery</h1>');
  hashes.push(sourcesHash(root));
  write('adapters/client/live.ts', '');
  hashes.push(sourcesHash(root));
  rmSync(join(root, 'adapters/client/http.ts'));
  hashes.push(sourcesHash(root));
  expect(new Set(hashes).size).toBe(4);
});

it('a new date, a test or a note does not', () => {
  const before = sourcesHash(root);
  utimesSync(join(root, 'web/src/routes/+page.svelte'), 1, 1);
  write('web/src/lib/format.test.ts', 'it()');
  write('machines/job/SPEC.md', '# job');
  write('runtime/turn.ts', '');
  expect(sourcesHash(root)).toBe(before);
});

it('does not depend on where the repository lies', () => {
  const before = sourcesHash(root);
  const elsewhere = `${root}-moved`;
  renameSync(root, elsewhere);
  root = elsewhere;
  expect(sourcesHash(`${root}/`)).toBe(before);
});
