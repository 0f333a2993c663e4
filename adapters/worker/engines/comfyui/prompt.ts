// One prompt on the server, from its submission to its end. `/queue` and `/history` are the truth; events only
// say sooner when to look. Nothing is ever submitted
// twice: the same id would run twice.
import { EngineFailure } from '../../../../machines/contract/engine.ts';
import { pause, type Timers } from '../../seams.ts';
import type { HistoryEntry } from './answers.ts';
import { NoAnswer, type Client } from './client.ts';
import { refusalOf } from './verdicts.ts';
import type { Graph } from './workflow.ts';

export interface Server {
  readonly client: Client;
  readonly timers: Timers;
}

/** Half of the five seconds within which a finished job must be found although no event says so. */
const LOOK_EVERY_MS = 2_000;
const LOOK_AGAIN_MS = 250;
/** A server that answers nothing for so long is gone; its restart takes seconds to minutes. */
const GIVE_UP_AFTER_MS = 15_000;
/** A request whose line broke may still be on its way. */
const STILL_COMING_MS = 500;

const never = new AbortController().signal;

/** Resolves with the id to look for, or throws with nothing left behind. */
export async function submit(
  server: Server,
  prompt: Graph,
  { id, clientId }: { readonly id: string; readonly clientId: string },
): Promise<string> {
  let answer;
  try {
    answer = await server.client.submit({ prompt, client_id: clientId, prompt_id: id });
  } catch (error) {
    // Not even a 500 means that it was not queued.
    if (error instanceof NoAnswer && (await isThere(server, id))) return id;
    await discard(server, id);
    throw error;
  }
  if (!answer.isAccepted) throw refusalOf(answer.error.type, answer.node_errors);
  if (Object.keys(answer.node_errors).length === 0) return answer.prompt_id;
  // Queued for some of its results only: half a result is none.
  await discard(server, answer.prompt_id);
  throw refusalOf('', answer.node_errors);
}

async function isThere({ client, timers }: Server, id: string): Promise<boolean> {
  const look = () => client.find(id).then(({ at }) => at !== 'absent');
  try {
    if (await look()) return true;
    await pause(timers, STILL_COMING_MS, never);
    return await look();
  } catch {
    return false;
  }
}

export interface Following {
  readonly onRunning: () => void;
  /** Resolves when an event says that looking is worth while. */
  readonly nudge: () => Promise<void>;
}

export async function follow(
  server: Server,
  id: string,
  { onRunning, nudge }: Following,
  signal: AbortSignal,
): Promise<HistoryEntry> {
  const { client, timers } = server;
  let answeredAt = timers.now();
  for (;;) {
    try {
      const found = await client.find(id, signal);
      answeredAt = timers.now();
      if (found.at === 'ended') return found.entry;
      if (found.at === 'running') onRunning();
      if (found.at === 'absent')
        throw new EngineFailure(
          'engineCrashed',
          'ComfyUI no longer knows the job: it was restarted, or its queue was cleared.',
        );
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      if (timers.now() - answeredAt > GIVE_UP_AFTER_MS)
        throw new EngineFailure('engineCrashed', 'ComfyUI stopped answering while it worked.', {
          cause: error,
        });
    }
    const rest = new AbortController();
    const waited = pause(timers, LOOK_EVERY_MS, AbortSignal.any([signal, rest.signal]));
    try {
      await Promise.race([waited, nudge()]);
    } finally {
      rest.abort();
      await waited.catch(() => {});
    }
    signal.throwIfAborted();
  }
}

/**
 * Until the prompt is neither waiting nor at work. Only while it is ours that runs is anything interrupted: old
 * servers ignore the id and stop whatever runs.
 */
export async function discard({ client, timers }: Server, id: string): Promise<void> {
  let answeredAt = timers.now();
  while (timers.now() - answeredAt <= GIVE_UP_AFTER_MS) {
    try {
      const { at } = await client.find(id);
      answeredAt = timers.now();
      if (at === 'absent' || at === 'ended') return;
      // Between look and deed it may have begun: the next look sees it.
      await (at === 'pending' ? client.deletePending(id) : client.interrupt(id));
      if (at === 'pending') continue;
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
    }
    await pause(timers, LOOK_AGAIN_MS, never);
  }
}
