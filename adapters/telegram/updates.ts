// What an update means, routed by grammY: words, photos, voice notes, commands, buttons. In private chats everything is
// for us; in groups a command, a mention, or a reply to one of our messages is.
import type { Bot } from 'grammy';
import type { Message } from 'grammy/types';
import type { JobView } from '../../machines/contract/views.ts';
import { TesseraProblem } from '../client/problem.ts';
import type { Desk } from './desk.ts';
import type { Presses } from './presses.ts';
import type { Prompts } from './prompts.ts';
import type { Talk } from './talk.ts';

const JOB = /\bjob_[0-9a-z]{26}\b/;
const MAKE = new Set(['imagine', 'video', 'image', 'make']);

interface Parts {
  readonly desk: Desk;
  readonly prompts: Prompts;
  readonly presses: Presses;
  readonly talk: Talk;
}

export function route(bot: Bot, { desk, prompts, presses, talk }: Parts): void {
  bot.on('callback_query:data', async (ctx) => {
    const { message, from } = ctx.callbackQuery;
    if (message === undefined) return;
    const thread = 'message_thread_id' in message ? (message.message_thread_id ?? null) : null;
    const visitor = await desk.visitor(from, message.chat.id, message.message_id, thread);
    await presses.pressed(ctx.callbackQuery, visitor, String(ctx.update.update_id));
  });

  bot.on('message', async (ctx) => {
    const { message } = ctx;
    if (message.from.is_bot) return;
    const wish = String(ctx.update.update_id);
    const isPrivate = message.chat.type === 'private';
    const addressed = addressedText(message, desk.seams.username, isPrivate);
    if (addressed === null) return;
    const thread = message.is_topic_message ? (message.message_thread_id ?? null) : null;
    const visitor = await desk.visitor(message.from, message.chat.id, message.message_id, thread);
    if (message.voice && isPrivate) return prompts.voice(visitor, message, wish);
    const command = commandOf(addressed, desk.seams.username);
    if (command === 'other') return;
    if (command !== null && !MAKE.has(command.name)) {
      if (await talk.command(visitor, command.name, command.rest)) return;
      if (isPrivate) await talk.command(visitor, 'help', '');
      return;
    }
    const prompt = (command === null ? addressed : command.rest).trim();
    const isPhoto = message.photo !== undefined || isImageFile(message);
    if (isPhoto) return prompts.photo(visitor, message, prompt, wish);
    const edited = await repliedJob(desk, message);
    if (edited !== null && prompt !== '') return prompts.editedWords(visitor, edited, prompt, wish);
    const isNothing = command === null && prompt === '';
    if (isNothing) return desk.say(visitor, visitor.texts.say('refused-kind'));
    await prompts.words(visitor, prompt, wish);
  });
}

/** Null: it is not for us. Of a mention the name is left out. */
function addressedText(message: Message, username: string, isPrivate: boolean): string | null {
  const text = message.text ?? message.caption ?? '';
  if (isPrivate || text.startsWith('/')) return text;
  const isReply = message.reply_to_message?.from?.username === username;
  const mention = new RegExp(`@${username}\\b`, 'i');
  if (!isReply && !mention.test(text)) return null;
  return text.replace(mention, ' ').trim();
}

/** `other`: a command for another bot. Null: none. */
function commandOf(
  text: string,
  username: string,
): { readonly name: string; readonly rest: string } | 'other' | null {
  const match = /^\/([a-z_]{1,32})(?:@(\w+))?(?:\s+|$)([^]*)$/i.exec(text);
  if (!match) return null;
  const isOurs = match[2] === undefined || match[2].toLowerCase() === username.toLowerCase();
  return isOurs ? { name: match[1]!.toLowerCase(), rest: match[3]! } : 'other';
}

const isImageFile = ({ document }: Message): boolean =>
  document?.mime_type?.startsWith('image/') === true;

/** The job of the message of ours that was replied to: its id is on every result. */
async function repliedJob(
  desk: Desk,
  { reply_to_message: replied }: Message,
): Promise<JobView | null> {
  if (replied?.from?.username !== desk.seams.username) return null;
  const id = JOB.exec(replied?.text ?? replied?.caption ?? '')?.[0];
  if (id === undefined) return null;
  try {
    return (await desk.seams.client.delivery(id)).job;
  } catch (error) {
    if (error instanceof TesseraProblem && error.status === 404) return null;
    throw error;
  }
}
