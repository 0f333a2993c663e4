// Files of people, looked at by processes that may be lost. A file goes there and back by way of a folder, so that it
// is never in our own memory as a whole.
import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import {
  BadMedia,
  looks,
  type CleanFile,
  type Looks,
  type MediaCheck,
} from '../../machines/contract/media.ts';
import type { CleanAnswer, CleanQuestion } from './cleaner.ts';
import { ChildDied, LimitedChild } from './limited-child.ts';

export const TIME_MS = 10_000;
export const MEMORY_BYTES = 768 * 1024 * 1024;
/** As many as may be taken apart at once. */
const CHILDREN = 2;
const WAITING_MAX = 32;
/** Three frames, on a machine that does other things besides. */
const LOOK_MS = 60_000;
const LOOKS_WAITING_MAX = 200;
/** Another runtime may use the same folder right now. */
const LEFT_BEHIND_MS = 3_600_000;

export class ChildMedia implements MediaCheck {
  readonly #folder: string;
  readonly #children: readonly LimitedChild[];
  readonly #looker: LimitedChild;

  private constructor(folder: string, limits: Partial<ChildMediaLimits>) {
    this.#folder = folder;
    const { timeMs = TIME_MS, memoryBytes = MEMORY_BYTES } = limits;
    const program = fileURLToPath(new URL('cleaner.ts', import.meta.url));
    this.#children = Array.from(
      { length: CHILDREN },
      () => new LimitedChild({ program, timeMs, memoryBytes, waitingMax: WAITING_MAX, folder }),
    );
    this.#looker = new LimitedChild({
      ...{ program: fileURLToPath(new URL('classifier/looker.ts', import.meta.url)), memoryBytes },
      ...{ timeMs: LOOK_MS, waitingMax: LOOKS_WAITING_MAX, folder: null },
    });
  }

  /** @param folder where files lie for a moment; what a run that was cut short left there goes */
  static async open(folder: string, limits: Partial<ChildMediaLimits> = {}): Promise<ChildMedia> {
    await mkdir(folder, { recursive: true });
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
      if (Date.now() - mtimeMs > LEFT_BEHIND_MS) await rm(path, { force: true });
    }
    return new ChildMedia(folder, limits);
  }

  async clean(body: AsyncIterable<Uint8Array>, mediaType: () => string): Promise<CleanFile> {
    const from = join(this.#folder, randomUUID());
    const to = join(this.#folder, randomUUID());
    const discard = async (): Promise<void> => {
      await Promise.all([from, to].map((path) => rm(path, { force: true })));
    };
    try {
      await pipeline(Readable.from(body), createWriteStream(from));
      const answer = await this.#ask({ from, to, mediaType: mediaType() });
      if ('badness' in answer) throw new BadMedia(answer.badness, answer.why);
      return { mediaType: answer.mediaType, body: () => createReadStream(to), discard };
    } catch (error) {
      await discard();
      throw error;
    }
  }

  async look(body: AsyncIterable<Uint8Array>): Promise<Looks> {
    const path = join(this.#folder, randomUUID());
    try {
      await pipeline(Readable.from(body), createWriteStream(path));
      return looks.parse(await this.#looker.call({ path }));
    } finally {
      await rm(path, { force: true });
    }
  }

  async #ask(question: CleanQuestion): Promise<CleanAnswer> {
    const child = this.#children.reduce((a, b) => (b.load < a.load ? b : a));
    try {
      return (await child.call(question)) as CleanAnswer;
    } catch (error) {
      if (!(error instanceof ChildDied)) throw error;
      throw new BadMedia(
        'tooLarge',
        'Reading this file takes more time or memory than any file may. Send it in a simpler form.',
      );
    }
  }

  stop(): void {
    for (const child of [...this.#children, this.#looker]) child.stop();
  }
}

export interface ChildMediaLimits {
  readonly timeMs: number;
  readonly memoryBytes: number;
}
