// The price before the start: a dry run of the draft, a moment after the person stopped changing it.
import { tessera, sentenceOf } from '../api.ts';
import { modelFor, requestOf } from './draft.ts';
import type { DraftStore, QuoteStore, SiteStore } from './stores.ts';

const DEBOUNCE_MS = 250;

export interface Stores {
  readonly site: SiteStore;
  readonly draft: DraftStore;
  readonly quote: QuoteStore;
}

/** Follows draft, models and balance until told to stop. */
export function followPrice({ site, draft, quote }: Stores): () => void {
  let asked = '';
  let timer: ReturnType<typeof setTimeout> | undefined;
  let inFlight: AbortController | undefined;

  const ask = async (body: string) => {
    inFlight?.abort();
    const call = new AbortController();
    inFlight = call;
    try {
      const answer = await tessera.dryRun(JSON.parse(body), { signal: call.signal });
      quote.trigger.quoted({ quote: answer });
    } catch (error) {
      if (!call.signal.aborted) quote.trigger.unpriced({ sentence: sentenceOf(error) });
    }
  };

  const consider = () => {
    const body = pricedBody(site.get().context, draft.get().context);
    // The balance decides whether it is affordable, so its change asks anew.
    const balance = site.get().context.account?.available_millitokens;
    const question = body === null ? '' : `${balance} ${body}`;
    if (question === asked) return;
    asked = question;
    clearTimeout(timer);
    inFlight?.abort();
    if (body === null) return quote.trigger.quoted({ quote: null });
    quote.trigger.asked();
    timer = setTimeout(() => void ask(body), DEBOUNCE_MS);
  };

  const subscriptions = [site.subscribe(consider), draft.subscribe(consider)];
  consider();
  return () => {
    clearTimeout(timer);
    inFlight?.abort();
    for (const subscription of subscriptions) subscription.unsubscribe();
  };
}

type Context<Store extends { get(): { context: unknown } }> = ReturnType<Store['get']>['context'];

function pricedBody(site: Context<SiteStore>, draft: Context<DraftStore>): string | null {
  const model = modelFor(draft, site.models ?? []);
  if (site.standing !== 'in' || model === null) return null;
  const request = requestOf(draft, model);
  if (draft.modality === 'transcript') return request.inputs ? JSON.stringify(request) : null;
  if (request.prompt) return JSON.stringify(request);
  // A picture costs the same whatever it shows, so its price is known before the first word.
  const sizedByParams = draft.modality === 'image' || draft.modality === 'video';
  return sizedByParams ? JSON.stringify({ ...request, prompt: '…' }) : null;
}
