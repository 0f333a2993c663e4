// Port: files that people bring are taken apart and put together again, where it does no harm, before anything else
// sees them.

import { z } from 'zod';

const share = z.number().min(0).max(1);

/** What a picture looks like, as a classifier guesses it. Together 1, or more where several frames were looked at. */
export const looks = z.object({
  drawing: share,
  hentai: share,
  neutral: share,
  porn: share,
  sexy: share,
});
export type Looks = z.infer<typeof looks>;

export interface MediaCheck {
  /** @throws MediaBusy, or an error where it cannot be told */
  look(body: AsyncIterable<Uint8Array>): Promise<Looks>;
  /**
   * Takes a file in and gives it back as it may be kept: decoded where it is a picture, without what it tells besides
   * (where and when it was taken, by what, by whom).
   * @param mediaType as its first bytes told it; asked when all of it has been read
   * @throws BadMedia, MediaBusy, and whatever `body` throws
   */
  clean(body: AsyncIterable<Uint8Array>, mediaType: () => string): Promise<CleanFile>;
}

export interface CleanFile {
  /** May be another than before: some formats are only read. */
  readonly mediaType: string;
  body(): AsyncIterable<Uint8Array>;
  /** To be called when it has been kept, or will not be. */
  discard(): Promise<void>;
}

export type Badness = 'damaged' | 'tooLarge';

/** Its message is a sentence for whoever sent the file. */
export class BadMedia extends Error {
  override readonly name = 'BadMedia';
  readonly badness: Badness;

  constructor(badness: Badness, message: string) {
    super(message);
    this.badness = badness;
  }
}

/** More files wait to be looked at than can be. */
export class MediaBusy extends Error {
  override readonly name = 'MediaBusy';
}
