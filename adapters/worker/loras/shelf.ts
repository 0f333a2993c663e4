// What lies in the folder: whole files and partial ones, under names made of their hashes. Other files are
// somebody else's and are never touched.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { wrongWith } from './safetensors.ts';

export const fileNameOf = (sha256: string) => `${sha256}.safetensors`;
const OURS = /^([0-9a-f]{64})\.safetensors(\.part)?$/;

interface Held {
  bytes: number;
  usedAt: number;
  /** Its hash was computed by this process: what lay here before may have been changed. */
  isChecked: boolean;
}

export interface Shelf {
  readonly whole: ReadonlyMap<string, Readonly<Held>>;
  partPath(sha256: string): string;
  /** Brought forward to the end of the line, also for the next process. */
  touch(sha256: string): Promise<void>;
  /** False when the file is gone or is not what it was; then nothing of it is left. */
  check(sha256: string): Promise<boolean>;
  keep(sha256: string, bytes: number): Promise<void>;
  remove(sha256: string): Promise<void>;
  /** Partial files of downloads that are not under way. */
  removeParts(busy: ReadonlySet<string>): Promise<void>;
  partBytes(): Promise<number>;
}

export async function openShelf(folder: string, known: ReadonlySet<string>): Promise<Shelf> {
  await mkdir(folder, { recursive: true });
  const whole = new Map<string, Held>();
  const path = (sha256: string) => join(folder, fileNameOf(sha256));
  const partPath = (sha256: string) => `${path(sha256)}.part`;
  const ours = async () =>
    (await readdir(folder)).flatMap((name) => {
      const [, sha256, part] = OURS.exec(name) ?? [];
      return sha256 === undefined ? [] : [{ name, sha256, isPart: part !== undefined }];
    });

  for (const { name, sha256, isPart } of await ours()) {
    // No longer in the list.
    if (!known.has(sha256)) await rm(join(folder, name), { recursive: true });
    else if (!isPart) {
      const { size, mtimeMs } = await stat(join(folder, name));
      whole.set(sha256, { bytes: size, usedAt: mtimeMs, isChecked: false });
    }
  }
  // Two uses within one millisecond still have an order.
  let latest = Math.max(0, ...[...whole.values()].map(({ usedAt }) => usedAt));

  const remove = async (sha256: string) => {
    await rm(path(sha256), { force: true });
    whole.delete(sha256);
  };

  const touch = async (sha256: string) => {
    const held = whole.get(sha256);
    if (!held) return;
    latest = Math.max(latest + 1, Date.now());
    held.usedAt = latest;
    await utimes(path(sha256), new Date(), new Date(latest));
  };

  return {
    whole,
    partPath,
    touch,
    remove,
    check: async (sha256) => {
      const held = whole.get(sha256);
      if (!held) return false;
      const size = await stat(path(sha256)).then(
        (found) => found.size,
        () => -1,
      );
      const isGood =
        size === held.bytes && (held.isChecked || (await hashOf(path(sha256))) === sha256);
      held.isChecked = isGood;
      if (isGood && !(await isUnsound(path(sha256)))) return true;
      await remove(sha256);
      return false;
    },
    keep: async (sha256, bytes) => {
      await rename(partPath(sha256), path(sha256));
      whole.set(sha256, { bytes, usedAt: 0, isChecked: true });
      await touch(sha256);
    },
    removeParts: async (busy) => {
      for (const { name, sha256, isPart } of await ours())
        if (isPart && !busy.has(sha256)) await rm(join(folder, name), { force: true });
    },
    partBytes: async () => {
      const parts = (await ours()).filter(({ isPart }) => isPart);
      const sizes = await Promise.all(parts.map(({ name }) => stat(join(folder, name))));
      return sizes.reduce((sum, { size }) => sum + size, 0);
    },
  };
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function isUnsound(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    return (await wrongWith(file)) !== null;
  } finally {
    await file.close();
  }
}
