// Real files in a real process: what is good comes back clean, what is hostile costs nobody else anything.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BadMedia, MediaBusy } from '../../machines/contract/media.ts';
import { ChildMedia } from './child-media.ts';
import { gifOf, mp4Of, photo, pngOf, SECRET } from './files-testing.ts';
import { ChildDied, LimitedChild } from './limited-child.ts';

let folder: string;
let media: ChildMedia;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-media-'));
  media = await ChildMedia.open(join(folder, 'scratch'));
});
afterAll(async () => {
  media.stop();
  await rm(folder, { recursive: true });
});

async function* sent(bytes: Buffer) {
  for (let at = 0; at < bytes.byteLength; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

async function cleaned(bytes: Buffer, mediaType: string) {
  const file = await media.clean(sent(bytes), () => mediaType);
  const all = Buffer.concat(await Array.fromAsync(file.body()));
  await file.discard();
  return { mediaType: file.mediaType, bytes: all };
}

const badnessOf = (bytes: Buffer, mediaType: string) =>
  cleaned(bytes, mediaType).then(
    () => null,
    (error: unknown) => {
      if (error instanceof BadMedia) return error.badness;
      throw error;
    },
  );

describe('a picture', () => {
  it('keeps its pixels, upright, and tells nothing of its owner', async () => {
    const before = await photo();
    expect((await sharp(before).metadata()).exif).toBeDefined();
    const { bytes, mediaType } = await cleaned(before, 'image/jpeg');
    const after = await sharp(bytes).metadata();
    expect(mediaType).toBe('image/jpeg');
    // It lay on its side.
    expect([after.width, after.height]).toEqual([48, 64]);
    for (const what of ['exif', 'xmp', 'icc', 'iptc', 'orientation'] as const)
      expect(after[what], what).toBeUndefined();
    expect(bytes.includes(SECRET)).toBe(false);
  });

  it('keeps every value where it can: PNG with its transparency', async () => {
    const raw = Buffer.from(Array.from({ length: 16 * 16 * 4 }, (_, n) => (n * 37) % 256));
    const picture = sharp(raw, { raw: { width: 16, height: 16, channels: 4 } });
    const { bytes } = await cleaned(await picture.png().toBuffer(), 'image/png');
    expect(await sharp(bytes).raw().toBuffer()).toEqual(raw);
  });

  it('goes on moving, and AVIF becomes a PNG', async () => {
    const { bytes } = await cleaned(gifOf(3), 'image/gif');
    expect((await sharp(bytes, { animated: true }).metadata()).pages).toBe(3);
    const avif = await sharp(await photo())
      .avif({ effort: 0 })
      .toBuffer();
    expect((await cleaned(avif, 'image/avif')).mediaType).toBe('image/png');
  });

  it('loses what was hung on it', async () => {
    const sentFile = Buffer.concat([await photo(), Buffer.from('<html><script>alert(1)</script>')]);
    const { bytes } = await cleaned(sentFile, 'image/jpeg');
    expect(bytes.includes('script')).toBe(false);
    expect((await cleaned(pngOf(8, 8), 'image/png')).bytes.includes('Ann')).toBe(false);
  });
});

describe('a hostile file', () => {
  it('of many pixels in few bytes is too large', async () => {
    const bomb = pngOf(14_000, 14_000);
    expect(bomb.byteLength).toBeLessThan(400_000);
    expect(await badnessOf(bomb, 'image/png')).toBe('tooLarge');
    // Nothing of it is even there: its header is enough.
    expect(await badnessOf(pngOf(60_000, 60_000, 1), 'image/png')).toBe('tooLarge');
  });

  it('of many frames is too large', async () => {
    expect(await badnessOf(gifOf(10_000), 'image/gif')).toBe('tooLarge');
  });

  it('that is cut off, or not what it begins as, is damaged', async () => {
    const whole = await sharp({
      create: { width: 200, height: 200, channels: 3, background: 'red' },
    })
      .png()
      .toBuffer();
    expect(await badnessOf(whole.subarray(0, 200), 'image/png')).toBe('damaged');
    const jpeg = await photo(400, 400);
    expect(await badnessOf(jpeg.subarray(0, jpeg.byteLength - 200), 'image/jpeg')).toBe('damaged');
    expect(await badnessOf(jpeg, 'image/png')).toBe('damaged');
    const svg = Buffer.from(
      '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    );
    expect(await badnessOf(svg, 'image/png')).toBe('damaged');
    expect(await badnessOf(mp4Of().subarray(0, 90), 'video/mp4')).toBe('damaged');
  });

  it('leaves nothing lying about, and hinders no other', async () => {
    const bad = Array.from({ length: 6 }, () => badnessOf(pngOf(14_000, 14_000), 'image/png'));
    const good = cleaned(await photo(), 'image/jpeg');
    expect(await Promise.all(bad)).toEqual(Array.from(bad, () => 'tooLarge'));
    expect((await good).bytes.byteLength).toBeGreaterThan(100);
    expect(await readdir(join(folder, 'scratch'))).toEqual([]);
  });

  it('whose sender stops in the middle leaves nothing either', async () => {
    async function* halting() {
      yield Buffer.alloc(1000);
      throw new Error('hung up');
    }
    await expect(media.clean(halting(), () => 'image/png')).rejects.toThrow('hung up');
    expect(await readdir(join(folder, 'scratch'))).toEqual([]);
  });
});

describe('a process with limits', () => {
  const program = async (body: string) => {
    const path = join(folder, `${Math.random().toString(36).slice(2)}.ts`);
    const answering = new URL('answering.ts', import.meta.url).href;
    await writeFile(
      path,
      `import { answering } from '${answering}';\nanswering(async (q) => { ${body} });`,
    );
    return path;
  };
  const child = async (body: string, more: object = {}) =>
    new LimitedChild({
      ...{ program: await program(body), timeMs: 60_000, memoryBytes: 512 * 1024 * 1024 },
      ...{ waitingMax: 4, folder: null, ...more },
    });

  it('is killed when it takes too long, and the next call has another one', async () => {
    const slow = await child('if (q.slow) for (;;); return q.n;', { timeMs: 700 });
    await expect(slow.call({ slow: true })).rejects.toThrow(ChildDied);
    expect(await slow.call({ n: 7 })).toBe(7);
    slow.stop();
  });

  it('is killed when it takes too much memory', async () => {
    const greedy = await child(
      'const all = []; for (let n = 0; q.greedy; n++) { all.push(Buffer.alloc(16 << 20, 1)); await new Promise((go) => setTimeout(go, 1)); } return "fine";',
      { memoryBytes: 300 * 1024 * 1024 },
    );
    await expect(greedy.call({ greedy: true })).rejects.toThrow(/SIGKILL/);
    expect(await greedy.call({})).toBe('fine');
    greedy.stop();
  });

  it('may crash: who asked is told, who waits is served', async () => {
    const brittle = await child('if (q.crash) process.abort(); return q.n;');
    const all = [{ crash: true }, { n: 1 }, { crash: true }, { n: 2 }].map((each) =>
      brittle.call(each).catch((error: Error) => error.name),
    );
    expect(await Promise.all(all)).toEqual(['ChildDied', 1, 'ChildDied', 2]);
    brittle.stop();
  });

  it('says what its program says, and takes no more than may wait', async () => {
    const plain = await child(
      'if (q.bad) throw new Error("no"); return process.env.HOME ?? "nowhere";',
    );
    await expect(plain.call({ bad: true })).rejects.toThrow('no');
    expect(await plain.call({})).toBe('nowhere');
    // Its turn ends just after its answer.
    await new Promise(setImmediate);
    const many = Array.from({ length: 9 }, () => plain.call({}).catch((error: unknown) => error));
    expect((await Promise.all(many)).filter((each) => each instanceof MediaBusy)).toHaveLength(4);
    plain.stop();
    await expect(plain.call({})).rejects.toThrow(MediaBusy);
  });

  it('may write nowhere but into its folder, and start nothing', async () => {
    const bound = await child(
      `const fs = await import('node:fs'); const cp = await import('node:child_process');
       const tried = (what) => { try { what(); return 'done'; } catch (error) { return error.code; } };
       return [tried(() => fs.writeFileSync('${folder}/x', '')), tried(() => cp.spawnSync('true'))];`,
    );
    expect(await bound.call({})).toEqual(['ERR_ACCESS_DENIED', 'ERR_ACCESS_DENIED']);
    bound.stop();
  });
});
