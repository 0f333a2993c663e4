// Blobs in a folder of this machine. A blob appears under its name only when it is whole and on disk:
// it is written elsewhere, synced, then renamed.
//
//   <folder>/sha256/ab/cd/abcd…   whole blobs, named by content
//   <folder>/uploads/…            unfinished uploads, what `put` is writing, what is being removed
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type BlobKeeping,
  type Blobs,
  BlobMismatch,
  BlobMissing,
  BlobTooLarge,
} from '../../machines/contract/blobs.ts';

const ID = /^sha256:([0-9a-f]{64})$/;
const UPLOAD = /^[A-Za-z0-9][\w-]{0,199}$/;
/** Nobody takes up an upload that was left alone this long. */
const ABANDONED_MS = 24 * 60 * 60 * 1000;
/** No upload begins like this. */
const ASIDE = '-removing-';

export class LocalBlobs implements Blobs, BlobKeeping {
  readonly #folder: string;
  /** The last step of each upload that is being written; steps of one upload follow each other. */
  readonly #writing = new Map<string, Promise<unknown>>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(folder: string): Promise<LocalBlobs> {
    const blobs = new LocalBlobs(folder);
    await mkdir(join(folder, 'uploads'), { recursive: true, mode: 0o700 });
    await mkdir(join(folder, 'sha256'), { recursive: true, mode: 0o700 });
    await blobs.sweepUploads();
    return blobs;
  }

  async offset(upload: string): Promise<number> {
    return (await sizeOf(this.#uploadPath(upload))) ?? 0;
  }

  append(upload: string, offset: number, bytes: AsyncIterable<Uint8Array>): Promise<number> {
    return this.#inTurn(upload, async () => {
      const held = await this.offset(upload);
      if (held !== offset)
        throw new BlobMismatch(`${held} bytes of the upload are held, not ${offset}.`);
      const file = await open(this.#uploadPath(upload), 'a', 0o600);
      try {
        // What arrived before the line broke stays: the next append goes on from there.
        let end = offset;
        for await (const chunk of bytes) {
          await writeAll(file, chunk);
          end += chunk.byteLength;
        }
        return end;
      } finally {
        await file.close();
      }
    });
  }

  finish(upload: string, id: string, bytesTotal: number): Promise<void> {
    return this.#inTurn(upload, async () => {
      const path = this.#uploadPath(upload);
      const held = await sizeOf(path);
      if (held === null && (await this.size(id)) === bytesTotal) return;
      if (held !== bytesTotal)
        throw new BlobMismatch(`${held ?? 0} bytes are held, and ${bytesTotal} were announced.`);
      if ((await digestOf(path)) !== digestIn(id))
        throw new BlobMismatch('The bytes that arrived are not those that were announced.');
      const file = await open(path, 'r+');
      await file.sync().finally(() => file.close());
      await this.#publish(path, id);
    });
  }

  discard(upload: string): Promise<void> {
    return this.#inTurn(upload, async () => rm(this.#uploadPath(upload), { force: true }));
  }

  async put(
    bytes: AsyncIterable<Uint8Array>,
    bytesMax: number,
  ): Promise<{ id: string; bytes: number }> {
    const path = join(this.#folder, 'uploads', `put-${randomUUID()}`);
    const hash = createHash('sha256');
    let total = 0;
    try {
      const file = await open(path, 'wx', 0o600);
      try {
        for await (const chunk of bytes) {
          total += chunk.byteLength;
          if (total > bytesMax) throw new BlobTooLarge(`At most ${bytesMax} bytes are accepted.`);
          hash.update(chunk);
          await writeAll(file, chunk);
        }
        await file.sync();
      } finally {
        await file.close();
      }
      const id = `sha256:${hash.digest('hex')}`;
      await this.#publish(path, id);
      return { id, bytes: total };
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  async has(id: string): Promise<boolean> {
    return (await this.size(id)) !== null;
  }

  async size(id: string): Promise<number | null> {
    return sizeOf(this.#blobPath(id));
  }

  async read(id: string, start = 0, end?: number) {
    const bytesTotal = await this.size(id);
    if (bytesTotal === null) throw new BlobMissing(`${id} is not stored.`);
    const body = createReadStream(this.#blobPath(id), {
      start,
      ...(end === undefined ? {} : { end }),
    });
    return { bytesTotal, body };
  }

  async *storedBefore(ageMs: number): AsyncGenerator<readonly string[]> {
    const root = join(this.#folder, 'sha256');
    for (const outer of await readdir(root))
      for (const inner of await readdir(join(root, outer))) {
        const names = await readdir(join(root, outer, inner));
        const old: string[] = [];
        for (const name of names)
          if (await isOlder(join(root, outer, inner, name), ageMs)) old.push(`sha256:${name}`);
        if (old.length > 0) yield old;
      }
  }

  /**
   * Taken out of sight first and looked at again there: had it been stored anew just before, under the eyes
   * of somebody who is about to say so, then it goes back.
   */
  async remove(id: string, ageMs: number): Promise<boolean> {
    const digest = digestIn(id);
    const aside = join(this.#folder, 'uploads', `${ASIDE}${digest}`);
    try {
      await rename(this.#blobPath(id), aside);
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
    if (await isOlder(aside, ageMs)) {
      await rm(aside, { force: true });
      return true;
    }
    // Unless a runtime that starts right now has already done so.
    await this.#publish(aside, id).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
    return false;
  }

  async sweepUploads(): Promise<number> {
    const folder = join(this.#folder, 'uploads');
    let removed = 0;
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      if (await isOlder(path, ABANDONED_MS)) {
        await rm(path, { force: true });
        removed += 1;
      } else if (name.startsWith(ASIDE)) {
        // A process ended between its two looks.
        await this.#publish(path, `sha256:${name.slice(ASIDE.length)}`);
      }
    }
    return removed;
  }

  async #publish(from: string, id: string): Promise<void> {
    const path = this.#blobPath(id);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await rename(from, path);
    // A rename is only durable when the folders that tell of it are.
    for (let folder = dirname(path); folder !== this.#folder; folder = dirname(folder))
      await syncFolder(folder);
  }

  async #inTurn<T>(upload: string, step: () => Promise<T>): Promise<T> {
    const before = this.#writing.get(upload) ?? Promise.resolve();
    const mine = before.then(step, step);
    this.#writing.set(upload, mine);
    try {
      return await mine;
    } finally {
      if (this.#writing.get(upload) === mine) this.#writing.delete(upload);
    }
  }

  #uploadPath(upload: string): string {
    if (!UPLOAD.test(upload)) throw new Error(`${JSON.stringify(upload)} cannot name an upload.`);
    return join(this.#folder, 'uploads', upload);
  }

  #blobPath(id: string): string {
    const digest = digestIn(id);
    return join(this.#folder, 'sha256', digest.slice(0, 2), digest.slice(2, 4), digest);
  }
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** False when it is gone: somebody else was quicker. */
async function isOlder(path: string, ageMs: number): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs > ageMs;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** Also what keeps a path from being smuggled in as an id. */
function digestIn(id: string): string {
  const digest = ID.exec(id)?.[1];
  if (digest === undefined) throw new BlobMissing(`${JSON.stringify(id)} is not a blob's id.`);
  return digest;
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.byteLength;)
    at += (await file.write(chunk, at, chunk.byteLength - at)).bytesWritten;
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}
