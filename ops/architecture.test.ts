// The house keeps its shape: the import table of the design, the fixed top level, names, sizes, READMEs.
// Every rule is first shown to object to a house that breaks it; then it is applied to ours.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as rules from './house-rules.ts';
import { factsOf, isSource, listFiles, readFacts } from './source-tree.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const complaintsAbout = (path: string, text: string): string[] =>
  rules.importComplaints(path, factsOf(path, text));

describe('the rules object to a house that breaks them', () => {
  it.each([
    ['machines/job/machine.ts', "import { readFile } from 'node:fs';"],
    ['machines/job/machine.ts', "import { open } from '../../db/pool.ts';"],
    ['machines/job/machine.ts', "import ky from 'ky';"],
    ['machines/job/machine.ts', "import zodiac from 'zodiac';"],
    ['db/store.ts', "import { job } from '../machines/job/machine.ts';"],
    ['db/store.ts', "import type { Turn } from '../runtime/turn.ts';"],
    ['db/store.ts', "type Turn = import('../runtime/turn.ts').Turn;"],
    ['runtime/turn.ts', "import { agent } from '../adapters/worker/agent.ts';"],
    ['runtime/main.ts', "import page from '../web/src/page.ts';"],
    ['runtime/turn.ts', "const site = await import('../web/build/handler.js');"],
    ['runtime/turn.ts', 'const site = await import(where);'],
    ['runtime/turn.ts', "export { lint } from '../ops/lint.ts';"],
    ['adapters/worker/agent.ts', "import { store } from '../../db/store.ts';"],
    ['adapters/worker/agent.ts', "import { bot } from '../telegram/bot.ts';"],
    ['adapters/worker/agent.ts', "import { job } from '../../machines/job/machine.ts';"],
    ['adapters/worker/agent.ts', "import pg from 'pg';"],
    ['adapters/worker/agent.ts', "const store = require('../../db/store.ts');"],
    [
      'web/src/Page.svelte',
      '<p>hi</p>\n<script lang="ts">import \'../../runtime/turn.ts\';</script>',
    ],
    ['ops/cli/run.ts', "import secret from '../../../elsewhere.ts';"],
    ['db/store.ts', "import { suite } from './store-conformance.ts';"],
  ])('%s: %j', (path, text) => {
    expect(complaintsAbout(path, text)).toHaveLength(1);
  });

  it('names the line, also inside a component', () => {
    const page = "<h1>hi</h1>\n\n<script>\n  import '../../db/pool.ts';\n</script>\n";
    expect(complaintsAbout('web/src/Page.svelte', page)[0]).toMatch(/^web\/src\/Page\.svelte:4 /);
  });

  it('sees barrels, vague names, camelCase, length, a cluttered top and missing READMEs', () => {
    const barrel = factsOf('db/all.ts', "export * from './store.ts';");
    expect(rules.barrelComplaints('db/all.ts', barrel)).toHaveLength(1);
    const index = factsOf('db/index.ts', "export { a } from './a.ts';\nexport const b = 1;");
    expect(rules.barrelComplaints('db/index.ts', index)).toHaveLength(1);
    for (const path of ['db/utils/a.ts', 'runtime/types.ts', 'web/src/helpers/A.svelte']) {
      expect(rules.nameComplaints(path)).toHaveLength(1);
    }
    expect(rules.nameComplaints('db/myPool.ts')).toHaveLength(1);
    expect(rules.sizeComplaints('db/long.ts', 'line\n'.repeat(401))).toHaveLength(1);
    const top = [...rules.FOLDERS, 'README.md', 'package.json', 'docs'];
    expect(rules.topLevelComplaints(top)).toEqual([
      'docs has no place at the top',
      'package-lock.json is missing',
      'tsconfig.json is missing',
      'LICENSE is missing',
    ]);
    const files = rules.FOLDERS.map((folder) => `${folder}/README.md`);
    expect(rules.readmeComplaints(files.slice(1))).toEqual(['machines/README.md is missing']);
    const more = [
      ...files,
      'db/queries/jobs.ts',
      'machines/job/machine.ts',
      'machines/job/SPEC.md',
    ];
    expect(rules.readmeComplaints(more)).toEqual(['db/queries/README.md is missing']);
  });
});

describe('the rules leave a good house alone', () => {
  it.each([
    ['machines/job/machine.ts', "import { setup } from 'xstate';\nimport '../contract/ids.ts';"],
    ['machines/job/machine.ts', "// import 'node:fs'\nconst text = \"import 'node:fs'\";"],
    ['db/store.ts', "import 'node:fs';\nimport 'slonik';\nimport '../machines/contract/ids.ts';"],
    ['runtime/turn.ts', "import '../machines/job/machine.ts';\nimport '../db/store.ts';"],
    ['runtime/main.ts', "import '../adapters/blobs/folder.ts';\nawait import(handlerPath);"],
    ['adapters/worker/agent.ts', "import '../client/http.ts';\nimport './engines/builtin.ts';"],
    [
      'web/src/Page.svelte',
      "<script>import { api } from '$lib/api.ts';\nimport 'svelte';</script>",
    ],
    ['ops/bench/run.ts', "import '../../runtime/turn.ts';\nimport '../../db/store.ts';"],
    ['machines/job/machine.test.ts', "import '../../db/memory-store.ts';\nimport 'vitest';"],
  ])('%s: %j', (path, text) => {
    expect(complaintsAbout(path, text)).toEqual([]);
  });
});

describe('our house', () => {
  const files = listFiles(root);
  const sources = files.filter(isSource);

  it('was read: every folder has sources', () => {
    for (const folder of rules.FOLDERS) {
      expect(
        sources.some((path) => path.startsWith(`${folder}/`)),
        folder,
      ).toBe(true);
    }
  });

  it('imports only what the table allows', () => {
    const complaints = sources.flatMap((path) =>
      rules.importComplaints(path, readFacts(root, path)),
    );
    expect(complaints).toEqual([]);
  });

  it('has no barrels', () => {
    const complaints = sources.flatMap((path) =>
      rules.barrelComplaints(path, readFacts(root, path)),
    );
    expect(complaints).toEqual([]);
  });

  it('names things by what they are, and keeps files short', () => {
    expect(files.flatMap(rules.nameComplaints)).toEqual([]);
    const text = (path: string): string => readFileSync(join(root, path), 'utf8');
    expect(sources.flatMap((path) => rules.sizeComplaints(path, text(path)))).toEqual([]);
  });

  it('has the fixed top level and a README in each folder', () => {
    expect(rules.topLevelComplaints(readdirSync(root))).toEqual([]);
    expect(rules.readmeComplaints(files)).toEqual([]);
  });
});
