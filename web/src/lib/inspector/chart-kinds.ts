// The kinds of actors there are, without their machines: pages that only link to them stay small.
export const CHART_KINDS: ReadonlySet<string> = new Set(['job', 'worker', 'quota']);
