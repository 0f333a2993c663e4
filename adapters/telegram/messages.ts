// How a message of ours is sent and changed: words with a part in letters of its own, or a file with a caption.
import { GrammyError, type Api, type InputFile } from 'grammy';
import type { InlineKeyboardMarkup, Message, MessageEntity } from 'grammy/types';
import { shownPrompt } from '../bots/wording.ts';
import { LIMITS, type Media } from './media.ts';

const PROMPT_MAX = 600;
export const NO_PREVIEW = { is_disabled: true };

export interface Body {
  readonly text: string;
  readonly entities: MessageEntity[];
}

/** A message with a picture has a caption instead of a text. */
export async function editWords(
  api: Api,
  chat: string,
  message: number,
  { text, entities }: Body,
  reply_markup: InlineKeyboardMarkup,
): Promise<Message | true> {
  try {
    return await api.editMessageText(chat, message, text, {
      ...{ entities, reply_markup, link_preview_options: NO_PREVIEW },
    });
  } catch (error) {
    const isMedia =
      error instanceof GrammyError && /no text in the message/i.test(error.description);
    if (!isMedia) throw error;
    const caption = text.slice(0, LIMITS.captionLength);
    return api.editMessageCaption(chat, message, {
      ...{ caption, caption_entities: entities, reply_markup },
    });
  }
}

export function sendMedia(
  api: Api,
  chat: string,
  kind: Media['kind'],
  file: InputFile | string,
  extra: object,
): Promise<Message> {
  switch (kind) {
    case 'photo':
      return api.sendPhoto(chat, file, extra);
    case 'video':
      return api.sendVideo(chat, file, extra);
    case 'animation':
      return api.sendAnimation(chat, file, extra);
    case 'audio':
      return api.sendAudio(chat, file, extra);
    case 'document':
      return api.sendDocument(chat, file, extra);
  }
}

/** The prompt in letters of its own: in them nobody is mentioned, and a tap copies it. */
export function quoted(prompt: string, said: string, max: number): Body {
  const shown = shownPrompt(prompt, Math.min(PROMPT_MAX, max - said.length - 2));
  if (shown === '') return { text: said, entities: [] };
  return {
    text: `${shown}\n\n${said}`,
    entities: [{ type: 'code', offset: 0, length: shown.length }],
  };
}

/** Of a message that was sent with a file. */
export function fileIdOf(message: Message): string | undefined {
  return (
    message.photo?.at(-1)?.file_id ??
    message.video?.file_id ??
    message.animation?.file_id ??
    message.audio?.file_id ??
    message.document?.file_id
  );
}

export function previewOf(url: string): Media | null {
  const match = /^data:image\/(\w+);base64,(.+)$/s.exec(url);
  if (!match) return null;
  return { kind: 'photo', bytes: Buffer.from(match[2]!, 'base64'), name: `preview.${match[1]}` };
}
