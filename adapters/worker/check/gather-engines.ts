// What can be found out about the engines of the file, without starting or changing any.
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Engine } from '../../../machines/contract/engine.ts';
import type { EngineEntry } from '../config/engines-file.ts';
import { isListening } from '../supervision/port.ts';
import { wordsOf } from '../supervision/watched-engine.ts';
import type { EngineFacts } from './facts.ts';
import { identify } from './identify.ts';

/** Some engines can say what their server lacks for what it is to run. */
type Demanding = Engine & { lacks?: () => Promise<readonly string[]> };

const PATIENCE_MS = 15_000;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

export async function gatherEngine(entry: EngineEntry): Promise<EngineFacts> {
  const { name, kind, url, start } = entry;
  const isRemote = url !== null && !LOOPBACK.test(new URL(url).hostname);
  const facts: EngineFacts = {
    name,
    kind,
    url,
    start: start?.by ?? null,
    usesCard: url !== null && !isRemote && (start?.by === 'podman' ? start.podman.gpu : true),
    missingProgram: start?.by === 'command' ? missing(start.program.command[0] ?? '') : null,
    isListening: url !== null && (await isListening(url)),
    seen: null,
    problem: null,
    lacks: [],
    isRemote,
    isOpen: null,
  };
  if (url === null || !facts.isListening) return facts;
  const seen = await identify(url);
  const isOpen = isRemote ? null : listensEverywhere(Number(new URL(url).port));
  return { ...facts, seen, isOpen, ...(await asked(entry)) };
}

async function asked({ create }: EngineEntry): Promise<Pick<EngineFacts, 'problem' | 'lacks'>> {
  let engine: Demanding | undefined;
  try {
    engine = await create();
    await within(engine.probe());
    return { problem: null, lacks: engine.lacks ? await within(engine.lacks()) : [] };
  } catch (error) {
    return { problem: wordsOf(error).slice(0, 300), lacks: [] };
  } finally {
    await engine?.close();
  }
}

const within = <T>(work: Promise<T>): Promise<T> => {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('it did not answer in time')), PATIENCE_MS);
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
};

function missing(program: string): string | null {
  const folders = isAbsolute(program) ? [''] : (process.env['PATH'] ?? '').split(delimiter);
  const isThere = folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  return isThere ? null : program;
}

/** Linux tells who listens; elsewhere nobody asks. */
export function listensEverywhere(port: number, folder = '/proc/net'): boolean | null {
  const files = ['tcp', 'tcp6']
    .map((name) => join(folder, name))
    .filter((file) => existsSync(file));
  if (files.length === 0) return null;
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const listening = files
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
    .map((line) => line.trim().split(/\s+/))
    // 0A is LISTEN.
    .filter(([, address = '', , state]) => state === '0A' && address.endsWith(local));
  if (listening.length === 0) return null;
  return listening.some(([, address = '']) => /^0+:/.test(address));
}
