// At the turn of the day the balance changes without any job: ask for it then.
import type { SiteStore } from './stores.ts';

// The server's clock decides; a second of grace keeps us from asking a moment too early.
const GRACE_MS = 1_000;

export function followReset(site: SiteStore, refresh: () => void): () => void {
  let set = '';
  let timer: ReturnType<typeof setTimeout> | undefined;
  const { unsubscribe } = site.subscribe(({ context }) => {
    const resetsAt = context.account?.resets_at ?? '';
    if (resetsAt === set) return;
    set = resetsAt;
    clearTimeout(timer);
    timer = setTimeout(refresh, Math.max(0, Date.parse(resetsAt) - Date.now()) + GRACE_MS);
  });
  return () => {
    clearTimeout(timer);
    unsubscribe();
  };
}
