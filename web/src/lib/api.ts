// The only door to the API: same origin, session cookie.
import { createClient } from '../../../adapters/client/http.ts';
import { LiveStream, type StreamCallbacks, streamUrl } from '../../../adapters/client/live.ts';
import { TesseraProblem } from '../../../adapters/client/problem.ts';

export const tessera = createClient();

export const openStream = (callbacks: StreamCallbacks): LiveStream =>
  new LiveStream({ url: streamUrl(location.origin), ...callbacks });

/** Whatever was thrown, as a sentence for the person. */
export const sentenceOf = (error: unknown): string =>
  error instanceof TesseraProblem
    ? error.message
    : 'Something went wrong on this page. Reload it; your jobs are safe.';
