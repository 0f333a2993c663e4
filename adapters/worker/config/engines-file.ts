// Which engines this worker has: from the engines file, from addresses in the environment, or the built-in
// one alone. Read once; whatever is wrong is told at once, each as a sentence naming file, entry and field.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Engine } from '../../../machines/contract/engine.ts';
import { ENGINE_KINDS, KIND_NAMES, type KindName } from './engine-kinds.ts';
import { QUICK_START } from './quick-start.ts';
import { readStart, type EngineStart } from './engine-start.ts';
import { fieldSentence, wordsFor, type Issue } from './sentences.ts';

export interface EngineEntry {
  readonly kind: KindName;
  /** Of this worker's engines, no two have one name. */
  readonly name: string;
  readonly url: string | null;
  readonly create: () => Engine | Promise<Engine>;
  readonly pinned: readonly string[];
  /** Null: somebody else runs the server. */
  readonly start: EngineStart | null;
}

export interface EngineSources {
  readonly file: string | null;
  /** By kind, from the environment: COMFYUI_URL and its like. */
  readonly urls: Readonly<Record<string, { readonly variable: string; readonly url: string }>>;
}

/** Its message has one sentence a line. */
export class BadEngines extends Error {
  override readonly name = 'BadEngines';
  readonly sentences: readonly string[];
  constructor(sentences: readonly string[]) {
    super(sentences.join('\n'));
    this.sentences = sentences;
  }
}

const envelope = z.strictObject({
  engine: z.enum(KIND_NAMES),
  // Part of file and container names.
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,31}$/, 'must have 1 to 32 of a-z, 0-9, - and _, such as comfyui')
    .optional(),
  settings: z.unknown().default({}),
  pinned: z.array(z.string().min(1)).default([]),
  start: z.unknown().optional(),
});

/** @throws BadEngines */
export function readEngines({ file, urls }: EngineSources): EngineEntry[] {
  const wrong: string[] = [];
  const listed = file === null ? [{ engine: 'builtin' }] : entriesOf(file);
  const entries = listed.flatMap((input, index) => {
    const read = readEntry(input);
    if (!('issues' in read)) return read;
    const where = `${file}: entry ${index + 1}${nameOf(input)}`;
    wrong.push(...read.issues.map((issue) => `${where}: ${fieldSentence(issue)}.`));
    return [];
  });
  for (const [engine, { variable, url }] of Object.entries(urls)) {
    const settings = QUICK_START[engine]?.(url);
    const read = readEntry({ engine, name: engine, settings });
    if (!('issues' in read)) entries.push(read);
    // The value may hold a password: only the field is named.
    else wrong.push(...read.issues.map((issue) => `${variable}: ${fieldSentence(issue)}.`));
  }
  wrong.push(...twins(entries, file));
  if (wrong.length > 0) throw new BadEngines(wrong);
  return entries;
}

function readEntry(input: unknown): EngineEntry | { issues: readonly Issue[] } {
  const { data, error } = envelope.safeParse(input, { error: wordsFor });
  if (error) return { issues: error.issues };
  const settings = ENGINE_KINDS[data.engine].read(data.settings);
  const start = data.start === undefined ? null : readStart(data.start);
  const issues = [
    ...('issues' in settings ? within('settings', settings.issues) : []),
    ...(start !== null && 'issues' in start ? within('start', start.issues) : []),
  ];
  if ('issues' in settings || (start !== null && 'issues' in start)) return { issues };
  const unreachable = start === null ? null : whyUnreachable(start, settings.url);
  if (unreachable !== null) return { issues: [unreachable] };
  const { create, url } = settings;
  const { engine: kind, name = kind, pinned } = data;
  return { kind, name, url, create, pinned, start };
}

const within = (part: string, issues: readonly Issue[]): Issue[] =>
  issues.map(({ path, message }) => ({ path: [part, ...path], message }));

/** A container answers where its ports are published, and nowhere else. */
function whyUnreachable(start: EngineStart, url: string | null): Issue | null {
  if (url === null) return { path: ['start'], message: 'is for engines that have a server' };
  if (start.by !== 'podman') return null;
  const { hostname, port, protocol } = new URL(url);
  const wanted = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
  const hosts = start.podman.ports.map(({ host }) => host);
  if (/^(localhost|127\.0\.0\.1)$/.test(hostname) && hosts.includes(wanted)) return null;
  return {
    path: ['settings', 'url'],
    message: `must be http://127.0.0.1:${hosts[0]}, where start.podman.ports publishes the container`,
  };
}

function entriesOf(file: string): unknown[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new BadEngines([
      code === undefined
        ? `${file} is not JSON: ${message}.`
        : `${file} cannot be read (${code}). Make it, or set TESSERA_ENGINES to where it is.`,
    ]);
  }
  const { data, error } = z
    .strictObject({ engines: z.array(z.unknown()).min(1) })
    .safeParse(parsed, { error: wordsFor });
  if (error) throw new BadEngines(error.issues.map((issue) => `${file}: ${fieldSentence(issue)}.`));
  return data.engines;
}

const nameOf = (input: unknown): string => {
  const { name } = (input ?? {}) as { name?: unknown };
  return typeof name === 'string' ? ` (${name.slice(0, 40)})` : '';
};

function twins(entries: readonly EngineEntry[], file: string | null): string[] {
  const names = entries.map(({ name }) => name);
  const repeated = new Set(names.filter((name, index) => names.indexOf(name) !== index));
  const where = file ?? 'The environment';
  return [...repeated].map(
    (name) => `${where}: two engines are called ${name}. Give one of them another "name".`,
  );
}
