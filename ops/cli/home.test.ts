import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prepareHome } from './home.ts';
import { Misuse } from './misuse.ts';

describe('TESSERA_HOME', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tessera-home-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is made with all that leads to it, and may be there already', () => {
    const deep = join(folder, 'a', 'b');
    prepareHome(deep);
    prepareHome(deep);
    expect(existsSync(deep)).toBe(true);
  });

  it('is refused with what to do when nothing can be kept there', () => {
    writeFileSync(join(folder, 'file'), '');
    symlinkSync(join(folder, 'unmounted'), join(folder, 'link'));
    for (const name of ['file', 'file/below', 'link', 'link/below']) {
      const prepare = () => prepareHome(join(folder, name));
      expect(prepare, name).toThrow(Misuse);
      expect(prepare, name).toThrow(/^Tessera cannot keep its data in .* Set TESSERA_HOME to/);
    }
  });

  // Where no folder can ever be made, Node's recursive mkdir never comes back.
  it.runIf(process.platform === 'linux')('is refused at once under /proc', () => {
    expect(() => prepareHome('/proc/tessera-home')).toThrow(Misuse);
  });
});
