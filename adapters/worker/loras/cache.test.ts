// Over a real server on loopback and a real folder.
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createManualClock } from '../clock-testing.ts';
import { createLoraCache, type LoraCache, type LoraCacheOptions } from './cache.ts';
import { loraList } from './lora-list.ts';
import { adaptation, openShop, sha256Of, type Shop } from './shop-testing.ts';

const never = new AbortController().signal;
const SIZE = adaptation(0).length;

let shop: Shop;
let folder: string;
const open = new Set<LoraCache>();

beforeEach(async () => {
  shop = await openShop();
  folder = await mkdtemp(join(tmpdir(), 'tessera-loras-'));
});
afterEach(async () => {
  await Promise.all([...open].map((cache) => cache.close()));
  open.clear();
  await shop.close();
  await rm(folder, { recursive: true });
});

/** Puts a file on offer and answers its line in the list. */
function offer(name: string, bytes: Buffer, more: object = {}) {
  shop.files.set(`/${name}`, bytes);
  return { name, url: `${shop.url}/${name}`, sha256: sha256Of(bytes), ...more };
}
async function openCache(list: object[], more: Partial<LoraCacheOptions> = {}): Promise<LoraCache> {
  const cache = await createLoraCache({ folder, list, bytesMax: 100 * SIZE, ...more });
  open.add(cache);
  return cache;
}
const fetched = () => shop.asked.length;
const lying = async () => (await readdir(folder)).sort();

test('comes when it is needed, under a name made of its hash, and stays', async () => {
  const ink = offer('ink', adaptation(1));
  const cache = await openCache([ink]);
  expect(await lying()).toEqual([]);
  const told: number[] = [];
  const { file } = await cache.use('ink', never, (fraction) => told.push(fraction));
  expect(file).toBe(`${ink.sha256}.safetensors`);
  expect(sha256Of(await readFile(join(folder, file)))).toBe(ink.sha256);
  expect(told.at(-1)).toBe(1);
  await cache.use('ink', never);
  expect([fetched(), await lying()]).toEqual([1, [file]]);
});

test('several who ask share one download; who gives up leaves the others waiting', async () => {
  const cache = await openCache([offer('ink', adaptation(1))]);
  shop.hold(500);
  const stop = new AbortController();
  const [first, second, third] = [
    cache.use('ink', never),
    cache.use('ink', stop.signal),
    cache.use('ink', never),
  ];
  await shop.reached();
  stop.abort(new Error('no longer wanted'));
  await expect(second).rejects.toThrow('no longer wanted');
  shop.release();
  expect((await first).file).toBe((await third).file);
  expect(fetched()).toBe(1);
});

test('when the last gives up the download ends, and the next goes on where it was', async () => {
  const ink = offer('ink', adaptation(1, 400_000));
  const cache = await openCache([ink], { bytesMax: 10_000_000 });
  shop.hold(300_000);
  const stop = new AbortController();
  const begun = Promise.withResolvers<void>();
  const first = cache.use('ink', stop.signal, () => begun.resolve());
  await begun.promise;
  stop.abort(new Error('no longer wanted'));
  await expect(first).rejects.toThrow('no longer wanted');
  await cache.use('ink', never);
  expect(shop.asked[1]).toMatch(/^GET \/ink bytes=[1-9]\d*-$/);
  expect(await lying()).toEqual([`${ink.sha256}.safetensors`]);
});

test('a line that breaks is told, and what came is not fetched twice, also by another process', async () => {
  const list = [offer('ink', adaptation(1))];
  const cache = await openCache(list);
  shop.hold(3_000);
  const begun = Promise.withResolvers<void>();
  const use = cache.use('ink', never, () => begun.resolve());
  await begun.promise;
  shop.breakOff();
  await expect(use).rejects.toMatchObject({ code: 'modelLoadFailed' });
  await cache.close();
  await (await openCache(list)).use('ink', never);
  expect(shop.asked[1]).toMatch(/bytes=\d+-/);
});

test('what was kept of a file that has changed is thrown away', async () => {
  const ink = offer('ink', adaptation(1));
  await writeFile(join(folder, `${ink.sha256}.safetensors.part`), Buffer.alloc(1_000, 9));
  const { file } = await (await openCache([ink])).use('ink', never);
  expect(sha256Of(await readFile(join(folder, file)))).toBe(ink.sha256);
  // Longer than the whole: 416, and from the beginning.
  const oil = offer('oil', adaptation(2));
  await writeFile(join(folder, `${oil.sha256}.safetensors.part`), Buffer.alloc(2 * SIZE, 9));
  await (await openCache([ink, oil])).use('oil', never);
});

describe('refuses', () => {
  const pickle = Buffer.concat([
    Buffer.from('\x80\x02ctorch._utils\n', 'latin1'),
    Buffer.alloc(5_000),
  ]);
  const zip = Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(5_000)]);
  const withHead = (head: string, data = 8) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(Buffer.byteLength(head)));
    return Buffer.concat([length, Buffer.from(head), Buffer.alloc(data)]);
  };
  const one = (tensor: object) => withHead(JSON.stringify({ a: tensor }));
  const good = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
  const files: Record<string, Buffer> = {
    'a pickle': pickle,
    'a renamed checkpoint': zip,
    'an empty file': Buffer.alloc(4),
    'a head longer than the file': Buffer.alloc(64, 0xff),
    'a head that is no JSON': withHead('{"a": '),
    'a head of nothing': withHead('{}', 0),
    'numbers of an unknown kind': one({ ...good, dtype: 'PICKLE' }),
    'numbers outside of the file': one({ ...good, data_offsets: [0, 80], shape: [20] }),
    'a size that does not fit': one({ ...good, shape: [3] }),
    'a negative place': one({ ...good, data_offsets: [-8, 0] }),
    'more than its head tells': withHead(JSON.stringify({ a: good }), 9),
    'metadata that is no text': withHead(
      JSON.stringify({ __metadata__: { x: { y: 1 } }, a: good }),
    ),
    'a file that was cut': adaptation(1).subarray(0, 5_000),
  };
  test.each(Object.entries(files))('%s, even with the right hash', async (_name, bytes) => {
    const cache = await openCache([offer('bad', bytes)]);
    await expect(cache.use('bad', never)).rejects.toMatchObject({ code: 'modelLoadFailed' });
    expect(await lying()).toEqual([]);
  });

  test('another hash, another size, and does not fetch it for every job', async () => {
    const clock = createManualClock();
    const ink = offer('ink', adaptation(1), { sha256: sha256Of(adaptation(2)) });
    const long = offer('long', adaptation(3), { bytes: SIZE + 1 });
    const cache = await openCache([ink, long], { timers: clock });
    await expect(cache.use('ink', never)).rejects.toThrow(/its hash is not the one/);
    await expect(cache.use('ink', never)).rejects.toThrow(/its hash is not the one/);
    await expect(cache.use('long', never)).rejects.toThrow(/its size is not the one/);
    expect([fetched(), await lying()]).toEqual([2, []]);
    shop.files.set('/ink', adaptation(2));
    clock.advance(10 * 60_000);
    await cache.use('ink', never);
  });

  test('names that are not in the list, and addresses that lead astray', async () => {
    const ink = offer('ink', adaptation(1));
    shop.redirects.set('/ink', 'http://169.254.169.254/latest');
    shop.redirects.set('/loop', '/loop');
    const cache = await openCache([ink, offer('loop', adaptation(2))]);
    await expect(cache.use('../../etc/passwd', never)).rejects.toMatchObject({
      code: 'invalidInput',
    });
    await expect(cache.use('ink', never)).rejects.toThrow(/leads astray/);
    await expect(cache.use('loop', never)).rejects.toThrow(/leads astray/);
    const urls = ['http://example.org/a', 'ftp://a/b', 'file:///a', 'a/b', 'http://10.0.0.1/x'];
    for (const url of urls) expect(loraList.safeParse([{ ...ink, url }]).success).toBe(false);
    expect(loraList.safeParse([ink, ink]).success).toBe(false);
  });
});

test('follows a redirect within what is allowed', async () => {
  const ink = offer('ink', adaptation(1));
  shop.redirects.set('/ink', '/store/42');
  shop.files.set('/store/42', adaptation(1));
  await (await openCache([ink])).use('ink', never);
  expect(shop.asked).toEqual(['GET /ink', 'GET /store/42']);
});

test('the longest unused makes room, across restarts; one in use never does', async () => {
  const list = [1, 2, 3, 4].map((seed) => offer(`lora${seed}`, adaptation(seed)));
  const names = (seeds: number[]) =>
    seeds.map((seed) => `${list[seed - 1]!.sha256}.safetensors`).sort();
  const first = await openCache(list, { bytesMax: 2 * SIZE });
  (await first.use('lora1', never)).release();
  (await first.use('lora2', never)).release();
  (await first.use('lora1', never)).release();
  const third = await first.use('lora3', never);
  expect(await lying()).toEqual(names([1, 3]));
  third.release();
  third.release();
  await first.close();

  const second = await openCache(list, { bytesMax: 2 * SIZE });
  const one = await second.use('lora1', never);
  const four = await second.use('lora4', never);
  expect(await lying()).toEqual(names([1, 4]));
  // Both are in use: nobody leaves.
  await expect(second.use('lora2', never)).rejects.toThrow(/no room/);
  expect(await lying()).toEqual(names([1, 4]));
  one.release();
  await second.use('lora2', never);
  expect(await lying()).toEqual(names([2, 4]));
  four.release();
});

test('several that come at once keep within the limit together', async () => {
  const list = [1, 2, 3].map((seed) => offer(`lora${seed}`, adaptation(seed)));
  const cache = await openCache(list, { bytesMax: 2 * SIZE });
  const ends = await Promise.allSettled(list.map(({ name }) => cache.use(name, never)));
  expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
  const whole = (await lying()).filter((name) => name.endsWith('.safetensors'));
  const sizes = await Promise.all(whole.map((name) => stat(join(folder, name))));
  expect(sizes.reduce((sum, { size }) => sum + size, 0)).toBeLessThanOrEqual(2 * SIZE);
});

test('reads its folder at the start: strangers stay, what is wrong or no longer listed goes', async () => {
  const [ink, oil] = [offer('ink', adaptation(1)), offer('oil', adaptation(2))];
  await (await openCache([ink, oil])).use('ink', never);
  await writeFile(join(folder, 'somebody-elses.safetensors'), 'theirs');
  await writeFile(join(folder, `${oil.sha256}.safetensors`), adaptation(3));
  const gone = `${'0'.repeat(64)}.safetensors`;
  for (const name of [gone, `${gone}.part`]) await writeFile(join(folder, name), 'old');
  const again = await openCache([ink, oil]);
  expect(await lying()).not.toContain(gone);
  await again.use('ink', never);
  expect(fetched()).toBe(1);
  // It lay there under the right name, with other bytes.
  const { file } = await again.use('oil', never);
  expect(sha256Of(await readFile(join(folder, file)))).toBe(oil.sha256);
  expect(await lying()).toContain('somebody-elses.safetensors');
  // And one that vanished meanwhile comes again.
  await rm(join(folder, file));
  await again.use('oil', never);
  expect(fetched()).toBe(3);
});

test('from a file of this machine, which must be what it should be as well', async () => {
  const source = join(folder, 'original');
  await writeFile(source, adaptation(1));
  const ink = { name: 'ink', url: source, sha256: sha256Of(adaptation(1)) };
  const lost = { name: 'lost', url: join(folder, 'nowhere'), sha256: sha256Of(adaptation(2)) };
  const cache = await openCache([ink, lost]);
  await cache.use('ink', never);
  await expect(cache.use('lost', never)).rejects.toThrow(/is not there/);
});

test('a server that does not tell the size needs it in the list, and may not send more', async () => {
  shop.isWithoutLength = true;
  const bytes = adaptation(1);
  const unknown = await openCache([offer('ink', bytes)]);
  await expect(unknown.use('ink', never)).rejects.toThrow(/Write its `bytes`/);
  const short = await openCache([offer('ink', bytes, { bytes: SIZE - 1 })]);
  await expect(short.use('ink', never)).rejects.toThrow(/longer than was said/);
  await (await openCache([offer('ink', bytes, { bytes: SIZE })])).use('ink', never);
});

test('a server that stalls is left', async () => {
  const clock = createManualClock();
  const cache = await openCache([offer('ink', adaptation(1))], { timers: clock });
  shop.hold(1_000);
  const begun = Promise.withResolvers<void>();
  const use = cache.use('ink', never, () => begun.resolve());
  await begun.promise;
  clock.advance(30_000);
  await expect(use).rejects.toMatchObject({ code: 'modelLoadFailed' });
});

test('closing ends what is under way', async () => {
  const cache = await openCache([offer('ink', adaptation(1))]);
  shop.hold(1_000);
  const use = cache.use('ink', never);
  const ended = expect(use).rejects.toThrow(/stopping/);
  await shop.reached();
  await cache.close();
  await ended;
  await expect(cache.use('ink', never)).rejects.toThrow(/stopping/);
});
