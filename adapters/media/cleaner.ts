// The program that takes files apart. It runs as a `LimitedChild`, knows a file by its path and says what it wrote.
import { readFile, writeFile } from 'node:fs/promises';
import { answering } from './answering.ts';
import { Damaged, TooLarge } from './bad-file.ts';
import { cleanContainer } from './containers/clean.ts';
import { cleanPicture, isPicture } from './picture.ts';

export interface CleanQuestion {
  readonly from: string;
  readonly to: string;
  readonly mediaType: string;
}

export type CleanAnswer =
  | { readonly mediaType: string }
  | { readonly badness: 'damaged' | 'tooLarge'; readonly why: string };

answering(async ({ from, to, mediaType }: CleanQuestion): Promise<CleanAnswer> => {
  try {
    if (isPicture(mediaType)) return { mediaType: await cleanPicture(from, to, mediaType) };
    const parts = cleanContainer(await readFile(from), mediaType);
    await writeFile(to, parts);
    return { mediaType };
  } catch (error) {
    if (error instanceof TooLarge) return { badness: 'tooLarge', why: error.message };
    if (error instanceof Damaged) return { badness: 'damaged', why: error.message };
    // Reading behind the end of what says it is longer.
    if (error instanceof RangeError)
      return { badness: 'damaged', why: 'The file is cut off or damaged.' };
    throw error;
  }
});
