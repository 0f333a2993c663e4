// Durations and moments as people read them.

/** "8 s", "1 min 20 s", "5 h 12 min": the two largest units. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return join(minutes, 'min', whole % 60, 's');
  return join(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
}

const join = (large: number, largeUnit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;

/** What something took: tenths matter below ten seconds. */
export const took = (ms: number): string =>
  ms < 9_950 ? `${(Math.max(0, ms) / 1000).toFixed(1)} s` : duration(ms / 1000);

/** "about 10 to 20 s", counted down from the moment the estimate was made. */
export function estimate(
  eta: { readonly min_s: number; readonly max_s: number },
  elapsedS: number,
): string {
  const least = Math.max(0, Math.round(eta.min_s - elapsedS));
  const most = Math.max(0, Math.round(eta.max_s - elapsedS));
  if (most <= 1) return 'any moment now';
  if (least === most) return `about ${duration(most)}`;
  if (least <= 1) return `up to ${duration(most)}`;
  if (most < 60) return `about ${least} to ${most} s`;
  return `about ${duration(coarse(least))} to ${duration(coarse(most))}`;
}

// Nobody believes "3 min 17 s" of a range.
const coarse = (seconds: number): number =>
  seconds < 60
    ? seconds
    : seconds < 600
      ? Math.round(seconds / 15) * 15
      : Math.round(seconds / 60) * 60;

/** "02:00" in the reader's own zone and habit. */
export const clockTime = (iso: string): string =>
  new Date(iso).toLocaleTimeString([], { hour: 'numeric', minute: '2-digit' });

/** "14:05" today, "3 Nov, 14:05" before. */
export function moment(iso: string, now: number): string {
  const date = new Date(iso);
  const sameDay = date.toDateString() === new Date(now).toDateString();
  if (sameDay) return clockTime(iso);
  return `${date.toLocaleDateString([], { day: 'numeric', month: 'short' })}, ${clockTime(iso)}`;
}
