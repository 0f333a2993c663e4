// Stops a text on the server by the key of its attempt, and makes sure that it did. Each attempt has a fresh key:
// the server remembers one that it did not find, and would end the next job of that name at once.
import { z } from 'zod';
import { pause, type Timers } from '../../seams.ts';
import type { KoboldClient } from './client.ts';

const aborted = z.looseObject({ success: z.string(), done: z.string() });
const perf = z.looseObject({ idle: z.number() });

const AGAIN_AFTER_MS = 100;
/** A request may still be on its way to the server when it is to be stopped. */
const UNKNOWN_MAX = 5;

export interface StopOptions {
  readonly client: KoboldClient;
  readonly timers: Timers;
  readonly genkey: string;
  /** A prompt is read in parts, and only between two of them it looks whether it should stop. */
  readonly patienceMs: number;
  /** Resolves when the answer to the job has come to its end. */
  readonly ended: Promise<void>;
  /** Drops the connection: the server notices with its next word. */
  readonly drop: () => void;
}

/** Resolves when the server is free of it. Never rejects: a server that is gone has stopped, too. */
export async function stopText(options: StopOptions): Promise<void> {
  const { client, timers, genkey, patienceMs } = options;
  const startedAt = timers.now();
  let unknown = 0;
  while (timers.now() - startedAt < patienceMs) {
    const answer = await client
      .ask({ path: '/api/extra/abort', body: { genkey }, schema: aborted })
      .catch(() => null);
    if (answer === null) break;
    // Behind the work of others: it ends as soon as its turn comes.
    if (answer.success === 'true' && answer.done === 'false') break;
    // `done` is said of the last text, too: it is over when nothing runs.
    if (answer.done === 'true' && (await isIdle(client))) break;
    if (answer.done === 'false') unknown += 1;
    if (unknown === UNKNOWN_MAX) break;
    await pause(timers, AGAIN_AFTER_MS, never);
  }
  options.drop();
  await options.ended;
}

const isIdle = (client: KoboldClient): Promise<boolean> =>
  client.ask({ path: '/api/extra/perf', schema: perf }).then(
    ({ idle }) => idle === 1,
    () => true,
  );

const never = new AbortController().signal;
