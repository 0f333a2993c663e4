// Loads the sources with one bug in them, from now on and in this thread only.
import { registerHooks } from 'node:module';
import { PLANTED_BUGS, type PlantedBug } from './bugs.ts';

const ROOT = new URL('../../../', import.meta.url).href;

export function plant(name: string): void {
  const bug = PLANTED_BUGS.find((each) => each.name === name);
  if (!bug) throw new Error(`There is no planted bug called "${name}".`);
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (url !== ROOT + bug.file) return loaded;
      const source = typeof loaded.source === 'string' ? loaded.source : textOf(loaded.source);
      return { ...loaded, source: patched(source, bug) };
    },
  });
}

const textOf = (source: unknown): string => new TextDecoder().decode(source as Uint8Array);

/** Throws when the place is not there, or not the only one: then the list has to follow the source. */
export function patched(source: string, { name, file, find, replace }: PlantedBug): string {
  const parts = source.split(find);
  if (parts.length !== 2)
    throw new Error(`"${name}": its place occurs ${parts.length - 1} times in ${file}, not once.`);
  return parts.join(replace);
}
