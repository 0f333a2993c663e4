// What Telegram answers, as what it means for us.
import { GrammyError, HttpError } from 'grammy';
import type { Outcome } from '../bots/governor.ts';

export type Answer<Value> =
  | { readonly kind: 'value'; readonly value: Value }
  /** The call was not carried out, and would not be the next time either. */
  | { readonly kind: 'refused'; readonly because: Because; readonly description: string }
  /** It was not carried out for now (429, or an error of Telegram's own). */
  | { readonly kind: 'later'; readonly outcome: Outcome }
  /** Nobody knows whether it was. */
  | { readonly kind: 'unknown' };

export type Because =
  /** Blocked, kicked, deleted: nobody there can be told anything. */
  | { readonly kind: 'nobody' }
  /** The message that was to be changed is not there, or not ours to change. */
  | { readonly kind: 'noMessage' }
  /** It is as it should be already. */
  | { readonly kind: 'same' }
  /** The group has become another one. */
  | { readonly kind: 'moved'; readonly to: number }
  | { readonly kind: 'other' };

const NOBODY =
  /blocked by the user|user is deactivated|chat not found|bot was kicked|not a member|can't initiate|PEER_ID_INVALID|not enough rights|group chat was deleted/i;
const NO_MESSAGE =
  /message to edit not found|message can't be edited|MESSAGE_ID_INVALID|message to be replied not found/i;
const SAME = /message is not modified/i;

export async function ask<Value>(call: () => Promise<Value>): Promise<Answer<Value>> {
  try {
    return { kind: 'value', value: await call() };
  } catch (error) {
    if (error instanceof HttpError) return { kind: 'unknown' };
    if (!(error instanceof GrammyError)) throw error;
    return answerOf(error);
  }
}

function answerOf({ error_code, description, parameters }: GrammyError): Answer<never> {
  if (error_code === 429) {
    const ms = (parameters.retry_after ?? 1) * 1000;
    return { kind: 'later', outcome: { kind: 'wait', ms, everywhere: false } };
  }
  if (error_code >= 500) return { kind: 'later', outcome: { kind: 'again' } };
  const refused = (because: Because) => ({ kind: 'refused', because, description }) as const;
  if (parameters.migrate_to_chat_id !== undefined)
    return refused({ kind: 'moved', to: parameters.migrate_to_chat_id });
  if (SAME.test(description)) return refused({ kind: 'same' });
  if (NO_MESSAGE.test(description)) return refused({ kind: 'noMessage' });
  // The token itself: somebody has to put that right, and then it goes on.
  if (error_code === 401) return { kind: 'later', outcome: { kind: 'again' } };
  if (error_code === 403 || NOBODY.test(description)) return refused({ kind: 'nobody' });
  return refused({ kind: 'other' });
}
