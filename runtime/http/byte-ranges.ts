// RFC 9110, one range: what players and broken downloads ask for. Several ranges at once are answered
// with everything, which the RFC allows.

export interface ByteRange {
  readonly start: number;
  /** Inclusive. */
  readonly end: number;
}

/** Null: send everything. 'unsatisfiable': nothing of it exists. */
export function rangeOf(
  header: string | undefined,
  bytesTotal: number,
): ByteRange | 'unsatisfiable' | null {
  const match = /^bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))$/.exec(header ?? '');
  if (!match) return null;
  const [, first, last, suffix] = match;
  const start = suffix === undefined ? Number(first) : Math.max(0, bytesTotal - Number(suffix));
  const end = last ? Math.min(Number(last), bytesTotal - 1) : bytesTotal - 1;
  // A range that ends before it begins is no range.
  if (last && Number(last) < Number(first)) return null;
  return start >= bytesTotal || suffix === '0' ? 'unsatisfiable' : { start, end };
}
