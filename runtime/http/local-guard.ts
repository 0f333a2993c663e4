// Local mode signs in whoever asks, so it must answer nobody but this machine. A proxy, a tunnel or a page
// of another site that found the port (DNS rebinding) is noticed by what its requests carry.
import { isIP } from 'node:net';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isLoopback } from '../config.ts';
import { refuse } from './problems.ts';

/** Headers that only something between the person and us adds. */
const OF_A_PROXY =
  /^(forwarded|via|x-forwarded(-.+)?|x-real-ip|x-(original|client|cluster-client|remote)-(for|ip|host|uri|url|addr)|true-client-ip|(cf|fly|fastly|tailscale|ngrok)-.+)$/;

/** @throws Refused */
export function refuseUnlessLocal(request: Pick<IncomingMessage, 'headers' | 'httpVersion'>): void {
  const reason = whyNotLocal(request.headers, request.httpVersion);
  if (reason !== null)
    throw refuse(
      'local_only',
      `${reason} Without a sign-in, Tessera only answers programs on its own machine: ` +
        'open it as http://localhost with its port.',
    );
}

function whyNotLocal(headers: IncomingHttpHeaders, httpVersion: string): string | null {
  if (Object.keys(headers).some((name) => OF_A_PROXY.test(name)))
    return 'The request came through a proxy.';
  // A bare `proxy_pass` of nginx adds no header, but speaks a version that no browser does.
  if (httpVersion === '1.0') return 'The request was made with HTTP/1.0, as proxies do.';
  return isLocalHost(headers.host) ? null : 'The request names a host that is not this machine.';
}

/** `localhost:8000`, `127.0.0.1`, `[::1]:8000` */
function isLocalHost(host: string | undefined): boolean {
  const name = /^(\[[0-9a-f:]+\]|[^:[\]]+)(:\d{1,5})?$/i.exec(host ?? '')?.[1]?.toLowerCase();
  if (name === undefined) return false;
  return isLoopback(name) && (name === 'localhost' || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0);
}
