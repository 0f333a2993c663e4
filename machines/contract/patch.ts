// What a turn changed in an actor's context, as the journal keeps it, and the way back. Like a JSON merge
// patch (RFC 7396), but exact: there, null means "gone", and contexts are full of real nulls.

export type Context = Readonly<Record<string, unknown>>;

/** Names of keys that went away, beside the keys that changed. */
const GONE = '$gone';
/** The value as it is, whatever was there before. */
const WHOLE = '$whole';

export const isRecord = (value: unknown): value is Context =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A patch that needs nothing before it. */
export const whole = (after: Context): Context => ({ [WHOLE]: after });

export const isWhole = (patch: Context): boolean => WHOLE in patch;

/** What differs, key by key; what is the same object is taken to be unchanged. */
export function difference(before: Context, after: Context): Context {
  // Without a prototype, for the keys may be ids: V8 would make a class of every new one.
  const changed = Object.create(null) as Record<string, unknown>;
  for (const key of Object.keys(after)) {
    const [old, now] = [before[key], after[key]];
    if (old !== now && now !== undefined)
      changed[key] = isRecord(old) && isRecord(now) ? difference(old, now) : now;
  }
  const gone = Object.keys(before).filter(
    (key) => after[key] === undefined && before[key] !== undefined,
  );
  if (gone.length > 0) changed[GONE] = gone;
  return changed;
}

/** @param base what the patch was made against; undefined when that is not known */
export function patched(base: Context | undefined, patch: Context): Context | undefined {
  if (isWhole(patch)) return patch[WHOLE] as Context;
  return base && merged(base, patch);
}

function merged(base: Context, patch: Context): Context {
  const { [GONE]: gone = [], ...changed } = patch;
  const next: Record<string, unknown> = { ...base };
  for (const key of gone as readonly string[]) delete next[key];
  for (const [key, now] of Object.entries(changed)) {
    const old = base[key];
    next[key] = isRecord(old) && isRecord(now) ? merged(old, now) : now;
  }
  return next;
}
