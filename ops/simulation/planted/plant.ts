// Loads the sources with one bug in them, from now on and in this thread only.
import { registerHooks } from 'node:module';
import { PLANTED_BUGS, type Patch, type PlantedBug } from './bugs.ts';

const ROOT = new URL('../../../', import.meta.url).href;

export const patchesOf = (bug: PlantedBug): readonly Patch[] => [bug, ...(bug.and ?? [])];

export function plant(name: string): void {
  const bug = PLANTED_BUGS.find((each) => each.name === name);
  if (!bug) throw new Error(`There is no planted bug called "${name}".`);
  const patches = patchesOf(bug);
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const own = patches.filter(({ file }) => url === ROOT + file);
      if (own.length === 0) return loaded;
      return { ...loaded, source: own.reduce(patched, textOf(loaded.source)) };
    },
  });
}

const textOf = (source: unknown): string =>
  typeof source === 'string' ? source : new TextDecoder().decode(source as Uint8Array);

/** Throws when the place is not there, or not the only one: then the list has to follow the source. */
export function patched(source: string, { file, find, replace }: Patch): string {
  const parts = source.split(find);
  if (parts.length !== 2)
    throw new Error(`In ${file} this occurs ${parts.length - 1} times, not once:\n${find}`);
  return parts.join(replace);
}
