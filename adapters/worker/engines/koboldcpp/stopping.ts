// Stops a text on the server by the key of its attempt, and makes sure that it did. Each attempt has a fresh key:
// the server remembers one that it did not find, and would end the next job of that name at once.
import { z } from 'zod';
import { pause, type Timers } from '../../seams.ts';
import type { KoboldClient } from './client.ts';

const aborted = z.looseObject({ success: z.string(), done: z.string() });
const idle = z.looseObject({ idle: z.number(), queue: z.number() });

const TRIES_MAX = 5;
const ENDS_WITHIN_MS = 1000;
const AGAIN_AFTER_MS = 100;

export interface StopOptions {
  readonly client: KoboldClient;
  readonly timers: Timers;
  readonly genkey: string;
  /** Resolves when the answer to the job has come to its end. */
  readonly ended: Promise<void>;
  /** Drops the connection: the server notices with its next word. */
  readonly drop: () => void;
}

/** Never rejects: a server that is gone has stopped, too. */
export async function stopText(options: StopOptions): Promise<void> {
  const { client, timers, genkey, ended } = options;
  let hasEnded = false;
  void ended.then(() => (hasEnded = true));
  for (let tries = 0; tries < TRIES_MAX && !hasEnded; tries += 1) {
    const answer = await client
      .ask({ path: '/api/extra/abort', body: { genkey }, schema: aborted })
      .catch(() => null);
    if (answer === null) break;
    // Behind the work of others: it ends as soon as its turn comes.
    if (answer.success === 'true' && answer.done === 'false') break;
    const waitMs = answer.done === 'true' ? ENDS_WITHIN_MS : AGAIN_AFTER_MS;
    await Promise.race([ended, pause(timers, waitMs, never)]);
  }
  options.drop();
  await ended;
  if (!hasEnded) await untilIdle(options);
}

async function untilIdle({ client, timers }: StopOptions): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const now = await client.ask({ path: '/api/extra/perf', schema: idle }).catch(() => null);
    if (now === null || now.idle === 1 || now.queue > 0) return;
    await pause(timers, AGAIN_AFTER_MS, never);
  }
}

const never = new AbortController().signal;
