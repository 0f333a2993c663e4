// Who has to leave the card so that a model fits. Pure.
//
// Value is that of GreedyDual-Size with frequency (Cao and Irani 1997, Cherkasova 1998): what it costs to
// bring a model back, times how often it is wanted, per byte that its going frees. The count of uses decays
// as in LRFU (Lee et al. 2001) instead of an aging clock: half of it is gone after `HALF_LIFE_MS`.

export interface Resident {
  readonly model: string;
  /** Null: nobody knows. Such a model is alone on the card. */
  readonly bytes: number | null;
  readonly isBusy: boolean;
  readonly isPinned: boolean;
  /** Its engine drops it to load the wanted one. */
  readonly isRival: boolean;
  readonly loadMs: number;
  /** Decayed, as of now. */
  readonly uses: number;
}

export type Room =
  /** In this order, the least valuable first; empty when it fits as it is. */
  | {
      readonly kind: 'evict';
      readonly models: readonly string[];
      /** Dropped by their engine when it loads the wanted one. */
      readonly rivals: readonly string[];
    }
  /** There is room once something that is busy has ended. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'never'; readonly sentence: string };

const HALF_LIFE_MS = 30 * 60_000;

export const decayed = (uses: number, elapsedMs: number): number =>
  uses * 2 ** (-elapsedMs / HALF_LIFE_MS);

/** Expected cost of its going, per byte. */
export const valueOf = ({ loadMs, uses, bytes }: Resident): number =>
  (Math.max(loadMs, 1) * uses) / Math.max(bytes ?? Infinity, 1);

/**
 * @param cardBytes what all models together may use; null where the card's size is unknown
 * @param foreignBytes what somebody else uses there: the desktop, the engines themselves
 */
export function roomFor(
  wanted: { readonly model: string; readonly bytes: number | null },
  there: readonly Resident[],
  cardBytes: number | null,
  foreignBytes = 0,
): Room {
  const { model, bytes } = wanted;
  const rivals = there.filter(({ isRival }) => isRival);
  const kept = rivals.find(({ isPinned }) => isPinned);
  if (kept)
    return never(
      `the engine of ${model} has no room for ${kept.model} beside it, which is pinned. Unpin it.`,
    );
  if (rivals.some(({ isBusy }) => isBusy)) return { kind: 'wait' };
  const residents = there.filter(({ isRival }) => !isRival);
  if (bytes !== null && cardBytes !== null && bytes > cardBytes)
    return never(
      `${model} needs ${gigabytes(bytes)}, the graphics card has ${gigabytes(cardBytes)}.`,
    );

  const fitsBeside = (stay: readonly Resident[]): boolean => {
    if (stay.length === 0) return true;
    if (cardBytes === null || bytes === null || stay.some((each) => each.bytes === null))
      return false;
    return stay.reduce((sum, each) => sum + each.bytes!, 0) + bytes + foreignBytes <= cardBytes;
  };
  const without = (gone: ReadonlySet<Resident>) => residents.filter((each) => !gone.has(each));

  const candidates = residents
    .filter(({ isBusy, isPinned }) => !isBusy && !isPinned)
    .sort((a, b) => valueOf(a) - valueOf(b));
  const gone = new Set<Resident>();
  for (const each of candidates) {
    if (fitsBeside(without(gone))) break;
    gone.add(each);
  }
  if (!fitsBeside(without(gone))) {
    const pinned = residents.filter(({ isPinned }) => isPinned);
    return fitsBeside(pinned) ? { kind: 'wait' } : never(pinnedSentence(wanted, pinned, cardBytes));
  }
  // A large one that had to go last may have made it needless that small ones go.
  for (const each of [...gone].reverse()) {
    gone.delete(each);
    if (!fitsBeside(without(gone))) gone.add(each);
  }
  return {
    kind: 'evict',
    models: candidates.filter((each) => gone.has(each)).map((each) => each.model),
    rivals: rivals.map((each) => each.model),
  };
}

/** Everything that may leave, whatever is needed: after the card ran out of memory. */
export const allIdle = (residents: readonly Resident[]): string[] =>
  residents.filter(({ isBusy, isPinned }) => !isBusy && !isPinned).map(({ model }) => model);

const never = (reason: string): Room => ({
  kind: 'never',
  sentence: `There is no room on the graphics card: ${reason}`,
});

function pinnedSentence(
  { model, bytes }: { readonly model: string; readonly bytes: number | null },
  pinned: readonly Resident[],
  cardBytes: number | null,
): string {
  const names = pinned.map((each) => each.model).join(', ');
  if (cardBytes === null) return `its size is unknown, and ${names} is pinned. Unpin it.`;
  if (bytes === null) return `the size of ${model} is unknown, and ${names} is pinned. Unpin it.`;
  const kept = pinned.reduce((sum, each) => sum + (each.bytes ?? cardBytes), 0);
  const free = gigabytes(Math.max(0, cardBytes - kept));
  return `${model} needs ${gigabytes(bytes)}, and what is pinned (${names}) leaves ${free}. Unpin it.`;
}

const gigabytes = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GB`;
