// What a picture looks like, as a classifier guesses it, against what may be shown to whom.
import { z } from 'zod';
import type { Looks } from '../contract/media.ts';
import { audience as audienceName, type Audience } from './audience.ts';

const share = z.number().min(0).max(1);

/** The most that is shown; 1: whatever it looks like. */
const bound = z.strictObject({ explicit: share.default(1), suggestive: share.default(1) });

export const pictureBounds = z.partialRecord(audienceName, bound).default({});
export type PictureBounds = z.infer<typeof pictureBounds>;

const USUAL: Readonly<Record<Audience, z.infer<typeof bound>>> = {
  family: { explicit: 0.3, suggestive: 0.6 },
  general: { explicit: 0.6, suggestive: 1 },
  adult: { explicit: 1, suggestive: 1 },
};

const boundFor = (bounds: PictureBounds, audience: Audience) => bounds[audience] ?? USUAL[audience];

/** Whether anything could be against it: else nobody needs to look. */
export function isLookedAt(bounds: PictureBounds, audience: Audience): boolean {
  const { explicit, suggestive } = boundFor(bounds, audience);
  return explicit < 1 || suggestive < 1;
}

export function mayBeShown(seen: Looks, audience: Audience, bounds: PictureBounds): boolean {
  const { explicit, suggestive } = boundFor(bounds, audience);
  const isExplicit = explicit < 1 && seen.porn + seen.hentai > explicit;
  const isSuggestive = suggestive < 1 && seen.sexy + seen.porn + seen.hentai > suggestive;
  return !isExplicit && !isSuggestive;
}
