import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BlobMismatch, BlobMissing, BlobTooLarge } from '../../machines/contract/blobs.ts';
import { LocalBlobs } from './local-blobs.ts';

let folder = '';
let blobs: LocalBlobs;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-blobs-'));
  blobs = await LocalBlobs.open(folder);
});
afterEach(() => rm(folder, { recursive: true }));

async function* bytes(...parts: (string | Error)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Error) throw part;
    yield await Promise.resolve(Buffer.from(part));
  }
}
const idOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const unfinished = () => readdir(join(folder, 'uploads'));
async function text(id: string, start?: number, end?: number): Promise<string> {
  const { body } = await blobs.read(id, start, end);
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts).toString();
}

describe('stored bytes', () => {
  it('are found by their digest, whole or in part', async () => {
    const { id, bytes: total } = await blobs.put(bytes('heron ', 'at dawn'), 100);
    expect(id).toBe(idOf('heron at dawn'));
    expect(total).toBe(13);
    expect(await blobs.has(id)).toBe(true);
    expect(await blobs.size(id)).toBe(13);
    expect(await text(id)).toBe('heron at dawn');
    expect(await text(id, 6, 7)).toBe('at');
    expect(await unfinished()).toEqual([]);
  });

  it('are still there after a restart, and stored twice they are one', async () => {
    const { id } = await blobs.put(bytes('x'), 1);
    expect((await blobs.put(bytes('x'), 1)).id).toBe(id);
    blobs = await LocalBlobs.open(folder);
    expect(await text(id)).toBe('x');
  });

  it('may be none at all', async () => {
    const { id } = await blobs.put(bytes(), 10);
    expect(await blobs.size(id)).toBe(0);
  });

  it('leave nothing behind when they are too many or break off', async () => {
    await expect(blobs.put(bytes('abc', 'def'), 5)).rejects.toThrow(BlobTooLarge);
    await expect(blobs.put(bytes('abc', new Error('gone')), 5)).rejects.toThrow('gone');
    expect(await unfinished()).toEqual([]);
    expect(await blobs.has(idOf('abcdef'))).toBe(false);
  });

  it('are told to be missing', async () => {
    expect(await blobs.has(idOf('nothing'))).toBe(false);
    expect(await blobs.size(idOf('nothing'))).toBeNull();
    await expect(blobs.read(idOf('nothing'))).rejects.toThrow(BlobMissing);
  });
});

describe('an upload in parts', () => {
  it('goes on where it broke off, also after a restart', async () => {
    await expect(blobs.append('u', 0, bytes('her', new Error('line broke')))).rejects.toThrow();
    expect(await blobs.offset('u')).toBe(3);
    blobs = await LocalBlobs.open(folder);
    expect(await blobs.append('u', 3, bytes('on'))).toBe(5);
    await blobs.finish('u', idOf('heron'), 5);
    expect(await text(idOf('heron'))).toBe('heron');
    expect(await unfinished()).toEqual([]);
  });

  it('is finished once more without harm', async () => {
    await blobs.append('u', 0, bytes('heron'));
    await blobs.finish('u', idOf('heron'), 5);
    await blobs.finish('u', idOf('heron'), 5);
    await expect(blobs.finish('u', idOf('heron'), 6)).rejects.toThrow(BlobMismatch);
  });

  it('refuses a part that does not follow', async () => {
    await blobs.append('u', 0, bytes('abc'));
    await expect(blobs.append('u', 0, bytes('abc'))).rejects.toThrow(BlobMismatch);
    await expect(blobs.append('u', 4, bytes('d'))).rejects.toThrow(BlobMismatch);
    expect(await blobs.offset('u')).toBe(3);
  });

  it('lets one of two equal parts at a time in', async () => {
    const both = await Promise.allSettled([
      blobs.append('u', 0, bytes('abc')),
      blobs.append('u', 0, bytes('abc')),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await blobs.offset('u')).toBe(3);
  });

  it('is not published with other bytes than announced, and can be thrown away', async () => {
    await blobs.append('u', 0, bytes('abx'));
    await expect(blobs.finish('u', idOf('abc'), 3)).rejects.toThrow(BlobMismatch);
    await expect(blobs.finish('u', idOf('abx'), 4)).rejects.toThrow(BlobMismatch);
    expect(await blobs.has(idOf('abc'))).toBe(false);
    await blobs.discard('u');
    expect(await blobs.offset('u')).toBe(0);
  });

  it('is swept away when nobody came back for a day', async () => {
    await writeFile(join(folder, 'uploads', 'old'), 'x');
    await blobs.append('young', 0, bytes('x'));
    const long = new Date(Date.now() - 25 * 3_600_000);
    await utimes(join(folder, 'uploads', 'old'), long, long);
    await LocalBlobs.open(folder);
    expect(await unfinished()).toEqual(['young']);
  });
});

describe('what nobody has any more', () => {
  const DAY_MS = 24 * 3_600_000;
  const age = async (path: string) => {
    const long = new Date(Date.now() - 2 * DAY_MS);
    await utimes(join(folder, path), long, long);
  };
  const pathOf = (id: string) => {
    const digest = id.slice('sha256:'.length);
    return join('sha256', digest.slice(0, 2), digest.slice(2, 4), digest);
  };
  const listed = async () => (await Array.fromAsync(blobs.storedBefore(DAY_MS))).flat();

  it('is found when it is old, and removed', async () => {
    const { id: old } = await blobs.put(bytes('old'), 10);
    await blobs.put(bytes('young'), 10);
    await age(pathOf(old));
    expect(await listed()).toEqual([old]);
    expect(await blobs.remove(old, DAY_MS)).toBe(true);
    expect(await blobs.remove(old, DAY_MS)).toBe(false);
    expect(await blobs.has(old)).toBe(false);
    expect([await listed(), await unfinished()]).toEqual([[], []]);
  });

  it('stays when it was stored anew in between', async () => {
    const { id } = await blobs.put(bytes('x'), 10);
    await age(pathOf(id));
    expect(await listed()).toEqual([id]);
    await blobs.put(bytes('x'), 10);
    expect(await blobs.remove(id, DAY_MS)).toBe(false);
    expect(await text(id)).toBe('x');
  });

  it('comes back when the process ended half way, or goes for good', async () => {
    const { id: young } = await blobs.put(bytes('young'), 10);
    const { id: old } = await blobs.put(bytes('old'), 10);
    for (const id of [young, old])
      await rename(join(folder, pathOf(id)), join(folder, 'uploads', `-removing-${id.slice(7)}`));
    await age(join('uploads', `-removing-${old.slice(7)}`));
    expect(await blobs.sweepUploads()).toBe(1);
    expect([await blobs.has(young), await blobs.has(old)]).toEqual([true, false]);
    expect(await unfinished()).toEqual([]);
  });
});

describe('names', () => {
  it.each(['sha256:../../etc/passwd', 'sha256:', '../x', '', `md5:${'a'.repeat(64)}`])(
    'that are no ids are refused: %j',
    async (id) => {
      await expect(blobs.read(id)).rejects.toThrow(BlobMissing);
      await expect(blobs.size(id)).rejects.toThrow(BlobMissing);
    },
  );

  it.each(['../x', 'a/b', '', '.', '..', '-x', 'a\0b', 'a'.repeat(201)])(
    'of uploads that could be paths are refused: %j',
    async (upload) => {
      await expect(blobs.offset(upload)).rejects.toThrow('cannot name an upload');
      await expect(blobs.append(upload, 0, bytes('x'))).rejects.toThrow('cannot name an upload');
      await expect(blobs.discard(upload)).rejects.toThrow('cannot name an upload');
    },
  );
});
