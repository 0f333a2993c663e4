// The simulated server's folders: results, previews, inputs. The oldest results go when there are many, so that it
// can run for days.
import type { ServerResponse } from 'node:http';
import sharp from 'sharp';

export interface StoredFile {
  readonly mediaType: string;
  readonly bytes: () => Promise<Buffer>;
}
export type FolderName = 'output' | 'temp' | 'input';

const FILES_MAX = 500;

export function createDisk() {
  const files = new Map<string, StoredFile>();
  const counters = new Map<string, number>();
  const keyOf = (folder: string, subfolder: string, name: string) =>
    `${folder}|${subfolder}|${name}`;

  return {
    /** `name_00001_.png`, counted up for each prefix. */
    write: (folder: FolderName, prefix: string, extension: string, file: StoredFile) => {
      const slash = prefix.lastIndexOf('/');
      const subfolder = slash === -1 ? '' : prefix.slice(0, slash);
      const counterKey = `${folder}|${prefix}`;
      const count = (counters.get(counterKey) ?? 0) + 1;
      counters.set(counterKey, count);
      const filename = `${prefix.slice(slash + 1)}_${String(count).padStart(5, '0')}_.${extension}`;
      files.set(keyOf(folder, subfolder, filename), file);
      if (files.size > FILES_MAX) files.delete(files.keys().next().value!);
      if (counters.size > FILES_MAX) counters.delete(counters.keys().next().value!);
      return { filename, subfolder, type: folder };
    },
    put: (folder: string, subfolder: string, name: string, bytes: Buffer, mayReplace: boolean) => {
      let free = name;
      const [stem, extension] = [name.replace(/\.[^.]*$/, ''), /\.[^.]*$/.exec(name)?.[0] ?? ''];
      for (let count = 1; !mayReplace; count++) {
        const there = files.get(keyOf(folder, subfolder, free));
        if (there === undefined || uploads.get(there)?.equals(bytes)) break;
        free = `${stem} (${count})${extension}`;
      }
      const file = { mediaType: 'image/png', bytes: async () => bytes };
      uploads.set(file, bytes);
      files.set(keyOf(folder, subfolder, free), file);
      return { name: free, subfolder, type: folder };
    },
    find: (folder: string, subfolder: string, name: string) =>
      files.get(keyOf(folder, subfolder, name)),
    /** As LoadImage names it: `sub/name.png [temp]`. */
    findNamed: (named: string) => {
      const [, path = '', folder = 'input'] = /^(.*?)(?: \[(\w+)\])?$/.exec(named) ?? [];
      const slash = path.lastIndexOf('/');
      return files.get(
        keyOf(folder, slash === -1 ? '' : path.slice(0, slash), path.slice(slash + 1)),
      );
    },
    forgetResults: () => {
      for (const key of [...files.keys()]) if (key.startsWith('output|')) files.delete(key);
    },
    forgetTemporary: () => {
      for (const key of [...files.keys()]) if (key.startsWith('temp|')) files.delete(key);
    },
  };
}
export type Disk = ReturnType<typeof createDisk>;

const uploads = new WeakMap<StoredFile, Buffer>();

/** GET /view */
export async function view(
  disk: Disk,
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const name = query.get('filename');
  if (name === null) return void response.writeHead(404).end();
  if (name.startsWith('/') || name.includes('..')) return void response.writeHead(400).end();
  const file = disk.find(query.get('type') ?? 'output', query.get('subfolder') ?? '', name);
  if (file === undefined) return void response.writeHead(404).end();
  const bytes = await file.bytes();
  const [format, quality] = (query.get('preview') ?? '').split(';');
  if (format === 'webp')
    return void response.writeHead(200, { 'content-type': 'image/webp' }).end(
      await sharp(bytes)
        .webp({ quality: Number(quality) })
        .toBuffer(),
    );
  response.writeHead(200, { 'content-type': file.mediaType }).end(bytes);
}
