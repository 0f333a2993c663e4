// Where a job of a Telegram bot came from, in the words of its origin: `17/de/5/voice` is message 17, whose writer is
// told in German, in topic 5, and which was a voice note.
import type { Origin } from '../../machines/contract/frontend-views.ts';

export interface Place {
  readonly message: number;
  readonly language: string;
  readonly thread: number | null;
  /** What was sent was speech, whose words are the prompt. */
  readonly isVoice: boolean;
}

export const writePlace = ({ message, language, thread, isVoice }: Place): string =>
  [message, language, thread ?? '', ...(isVoice ? ['voice'] : [])].join('/');

export function readPlace({ message }: Pick<Origin, 'message'>): Place {
  const [id = '', language = 'en', thread = '', kind] = message.split('/');
  return {
    message: Number(id) || 0,
    language,
    thread: thread === '' ? null : Number(thread),
    isVoice: kind === 'voice',
  };
}

/** Private chats have the number of the person; groups are below zero. */
export const isGroup = (chat: string): boolean => chat.startsWith('-');
