// Work that the server does in one piece: speech, transcription, pictures. It tells no progress and cannot be
// stopped, and with no model for it the server still says 200, with nothing.
import { EngineFailure, type EngineUpdate } from '../../../../machines/contract/engine.ts';
import { bytesOf, type KoboldClient } from './client.ts';
import type { Timers } from '../../seams.ts';

export interface BlockingOptions {
  readonly client: KoboldClient;
  readonly timers: Timers;
  readonly stuckAfterMs: number;
  /** Ends the process and starts it again with the same models. */
  readonly renew: () => Promise<void>;
}

export interface Piece {
  readonly path: string;
  readonly body: object;
}

/**
 * The answer's bytes. A cancelled piece goes on: the server is free when it answers, or when it had to be
 * restarted because it did not.
 */
export async function workOut(
  { path, body }: Piece,
  options: BlockingOptions,
  report: (update: EngineUpdate) => void,
  signal: AbortSignal,
): Promise<Uint8Array> {
  signal.throwIfAborted();
  const line = new AbortController();
  const work = options.client
    .start(path, body, line.signal)
    .then((response) => bytesOf(response, line.signal));
  report({ type: 'started' });
  // All that will be heard until it is done.
  report({ type: 'progress', fraction: 0 });
  const stuck = Promise.withResolvers<'stuck'>();
  let callOff = () => {};
  const expectEnd = () => {
    callOff = options.timers.after(options.stuckAfterMs, () => stuck.resolve('stuck'));
  };
  if (signal.aborted) expectEnd();
  else signal.addEventListener('abort', expectEnd, { once: true });
  try {
    const answer = await Promise.race([work, stuck.promise]);
    if (answer !== 'stuck') {
      signal.throwIfAborted();
      return answer;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    callOff();
    signal.removeEventListener('abort', expectEnd);
  }
  work.catch(() => undefined);
  await options.renew().catch((cause: unknown) => {
    line.abort(DROPPED);
    throw new EngineFailure(
      'engineError',
      'KoboldCPP is still busy with cancelled work and lets nobody restart it; restart it by hand.',
      { cause },
    );
  });
  line.abort(DROPPED);
  throw signal.reason as unknown;
}

const DROPPED = new Error('dropped');
