// Receives updates, where a proxy with https stands in front. Whoever does not know the bot's secret is not heard. An
// update is answered when what it asks for is committed; one that cannot be seen to now is sent again by Telegram.
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Update } from 'grammy/types';
import type { Webhook } from '../bots/bots-file.ts';

const BODY_BYTES_MAX = 1024 * 1024;
const HEADER = 'x-telegram-bot-api-secret-token';

export interface WebhookSeams {
  readonly webhook: Webhook;
  readonly handle: (update: Update) => Promise<void>;
  readonly report: (what: string, error: unknown) => void;
}

export async function listen({ webhook, handle, report }: WebhookSeams): Promise<Server> {
  const { pathname } = new URL(webhook.url);
  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => {
      report('An update by webhook could not be seen to', error);
      response.writeHead(503, { 'retry-after': '5' }).end();
    });
  });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method !== 'POST' || request.url?.split('?', 1)[0] !== pathname)
      return void response.writeHead(404).end();
    if (!isSecret(request.headers[HEADER], webhook.secret))
      return void response.writeHead(401).end();
    const text = await bodyOf(request);
    if (text === null) return void response.writeHead(413, { connection: 'close' }).end();
    const update = updateOf(text);
    if (update === null) return void response.writeHead(400).end();
    await handle(update);
    response.writeHead(200).end();
  };
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(webhook.port, webhook.host, resolve);
  });
  return server;
}

/** In the same time whatever is wrong with it. */
export function isSecret(given: string | string[] | undefined, secret: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return typeof given === 'string' && timingSafeEqual(digest(given), digest(secret));
}

async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > BODY_BYTES_MAX) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function updateOf(text: string): Update | null {
  try {
    const value = JSON.parse(text) as { update_id?: unknown } | null;
    return Number.isSafeInteger(value?.update_id) ? (value as Update) : null;
  } catch {
    return null;
  }
}
