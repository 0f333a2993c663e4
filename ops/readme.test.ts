// The README's commands exist, its links lead somewhere, and CI runs what it tells people to run.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import packageJson from '../package.json' with { type: 'json' };
import { REPOSITORY } from './cli/home.ts';

const read = (path: string): string => readFileSync(join(REPOSITORY, path), 'utf8');
const readme = read('README.md');
const BUILT_IN = ['install', 'ci'];

const npmCommands = (text: string): string[] =>
  [...text.matchAll(/^\s*npm (?:run )?([a-z]+)\b/gm)].map(([, name = '']) => name);

describe('README.md', () => {
  it('names commands that package.json has', () => {
    const named = npmCommands(readme);
    expect(named).toEqual(expect.arrayContaining(['install', 'start', 'check', 'test']));
    const missing = named.filter(
      (name) => !BUILT_IN.includes(name) && !(name in packageJson.scripts),
    );
    expect(missing).toEqual([]);
  });

  it('links to what is there', () => {
    const links = [...readme.matchAll(/\]\(([^)#]+)\)/g)].map(([, target = '']) => target);
    expect(links.length).toBeGreaterThan(5);
    const broken = links.filter(
      (target) => !/^https?:/.test(target) && !existsSync(join(REPOSITORY, target)),
    );
    expect(broken).toEqual([]);
  });

  it('is what CI runs', () => {
    const told = npmCommands(readme);
    for (const command of npmCommands(read('.ci/run'))) expect(told).toContain(command);
  });

  it('tells the version', () => {
    expect(readme).toContain(`Version ${packageJson.version}`);
  });
});
