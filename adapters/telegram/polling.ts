// Asks Telegram for updates. The offset, by which it forgets them, moves only past those whose jobs are committed: one
// that could not be seen to keeps its place, and comes again whoever asks next. Each chat's are seen to in order.
import { GrammyError, HttpError, type Api } from 'grammy';
import type { Update } from 'grammy/types';
import { TesseraProblem } from '../client/problem.ts';
import { pause } from '../client/retry.ts';
import { isAway } from './prompts.ts';

const POLL_S = 30;
const BATCH = 100;
const AGAIN_MS_MAX = 30_000;
export const ALLOWED_UPDATES = [
  'message',
  'callback_query',
  'pre_checkout_query',
  'inline_query',
] as const;

export interface PollingSeams {
  readonly api: Api;
  /** Resolves when all that the update asks for is committed. */
  readonly handle: (update: Update) => Promise<void>;
  readonly report: (what: string, error: unknown) => void;
  readonly pollS?: number;
}

/** Until `signal`; then what is under way is finished and confirmed. @throws when the token is not good */
export async function poll(seams: PollingSeams, signal: AbortSignal): Promise<void> {
  let offset = 0;
  let failures = 0;
  while (!signal.aborted) {
    const updates = await fetchUpdates(seams, offset, signal).catch(async (error: unknown) => {
      if (signal.aborted) return [];
      failures += 1;
      await pause(waitAfter(error, failures, seams), signal).catch(() => undefined);
      return null;
    });
    if (updates === null) continue;
    failures = 0;
    const done = await handleAll(updates, seams, signal);
    if (done !== null) offset = done + 1;
  }
  // So that nobody has to see to them again.
  if (offset > 0)
    await seams.api.getUpdates({ offset, limit: 1, timeout: 0 }).catch(() => undefined);
}

function fetchUpdates(
  { api, pollS = POLL_S }: PollingSeams,
  offset: number,
  signal: AbortSignal,
): Promise<Update[]> {
  const args = { offset, limit: BATCH, timeout: pollS, allowed_updates: ALLOWED_UPDATES };
  // grammY's type of a signal is the one of a shim.
  return api.getUpdates(args, signal as never);
}

/** @throws when asking again cannot help */
function waitAfter(error: unknown, failures: number, { report }: PollingSeams): number {
  if (!(error instanceof GrammyError) && !(error instanceof HttpError)) throw error;
  const code = error instanceof GrammyError ? error.error_code : 0;
  if (code === 401 || code === 404) throw error;
  if (code === 409)
    report('Somebody else asks for the updates of this bot, or a webhook is set', error);
  const asked = error instanceof GrammyError ? error.parameters.retry_after : undefined;
  return asked === undefined
    ? Math.min(AGAIN_MS_MAX, 500 * 2 ** Math.min(failures, 8))
    : asked * 1000;
}

/** The last update before which all are committed; null: not even the first. */
async function handleAll(
  updates: readonly Update[],
  seams: PollingSeams,
  signal: AbortSignal,
): Promise<number | null> {
  const byChat = Map.groupBy(updates, chatOf);
  const committed = new Set<number>();
  await Promise.all(
    [...byChat.values()].map(async (ofChat) => {
      for (const update of ofChat) {
        if (!(await handleOne(update, seams, signal))) return;
        committed.add(update.update_id);
      }
    }),
  );
  const firstOpen = updates.findIndex(({ update_id }) => !committed.has(update_id));
  const done = firstOpen === -1 ? updates.at(-1) : updates[firstOpen - 1];
  return done?.update_id ?? null;
}

const chatOf = (update: Update): number | string =>
  update.message?.chat.id ?? update.callback_query?.message?.chat.id ?? `alone ${update.update_id}`;

/** While the control plane is away it is waited for. @returns false when it had to be left */
async function handleOne(
  update: Update,
  { handle, report }: PollingSeams,
  signal: AbortSignal,
): Promise<boolean> {
  for (let failures = 1; ; failures++) {
    try {
      await handle(update);
      return true;
    } catch (error) {
      const cause = causeOf(error);
      if (!(cause instanceof TesseraProblem && isAway(cause)) && !(cause instanceof HttpError)) {
        // An error of ours: it would be the same the next time, and must not hold up everybody else.
        report(`Update ${update.update_id} could not be seen to`, cause);
        return true;
      }
      if (failures === 3) report('The control plane cannot be reached; updates wait', cause);
    }
    if (signal.aborted) return false;
    await pause(Math.min(AGAIN_MS_MAX, 250 * 2 ** failures), signal).catch(() => undefined);
    if (signal.aborted) return false;
  }
}

/** grammY wraps what a handler throws. */
const causeOf = (error: unknown): unknown =>
  error instanceof Error && error.name === 'BotError'
    ? (error as Error & { error: unknown }).error
    : error;
