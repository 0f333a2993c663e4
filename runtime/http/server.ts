// Listening, and stopping in good order: what is under way is answered, then the door closes.
import type { Host } from '../host.ts';
import { buildApp, type AppOptions } from './app.ts';

const SWEEP_MS = 100;

export interface Server {
  /** Where it can be reached from this machine. */
  readonly address: string;
  /** Takes no new requests, lets the others end; after `graceMs` what is left is cut off. */
  stop(graceMs: number): Promise<void>;
}

export async function startServer(
  host: Host,
  options: AppOptions,
  at: { readonly host: string; readonly port: number } = host.config,
): Promise<Server> {
  const app = await buildApp(host, options);
  const address = await app.listen({ host: at.host, port: at.port });
  return {
    address,
    async stop(graceMs) {
      const cut = setTimeout(() => app.server.closeAllConnections(), graceMs);
      // A connection whose last answer the website gave would idle on, and hold up the end.
      const sweep = setInterval(() => app.server.closeIdleConnections(), SWEEP_MS);
      await app.close();
      clearTimeout(cut);
      clearInterval(sweep);
    },
  };
}
