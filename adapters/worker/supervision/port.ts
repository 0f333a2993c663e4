// Whether somebody listens already where an engine of ours shall answer.
import { connect } from 'node:net';

const PATIENCE_MS = 2_000;

/** @throws Error: a stranger there would be taken for our engine, and ours could not listen */
export async function assertPortIsFree(url: string): Promise<void> {
  if (!(await isListening(url))) return;
  throw new Error(
    `Something else listens at ${new URL(url).host} already. Stop it, or give the engine another port.`,
  );
}

export function isListening(url: string): Promise<boolean> {
  const { hostname, port, protocol } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
      timeout: PATIENCE_MS,
    });
    const tell = (isThere: boolean) => () => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', tell(true));
    socket.once('timeout', tell(false));
    socket.once('error', tell(false));
  });
}
