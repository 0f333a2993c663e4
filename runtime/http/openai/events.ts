// Server-sent events (WHATWG HTML, 9.2), as OpenAI's clients read them: `data:` lines of JSON, a name where the
// call has several kinds, and a last line that is not JSON.
import type { FastifyReply } from 'fastify';
import { refusalOf } from '../errors.ts';
import { envelopeOf } from './envelope.ts';

export interface EventStream {
  /** True once anything has been sent: then an error can only be an event. */
  readonly isOpen: boolean;
  send(data: object, name?: string): void;
  /** @param last sent as it is, e.g. `[DONE]` */
  end(last?: string): void;
  /** The status has left already: what went wrong is an event, and no end mark follows. */
  fail(error: unknown, name?: string): void;
}

export function eventStream(reply: FastifyReply): EventStream {
  let isOpen = false;
  const open = () => {
    if (isOpen) return;
    isOpen = true;
    reply.hijack();
    const headers = Object.entries(reply.getHeaders()).filter(([, value]) => value !== undefined);
    reply.raw.writeHead(200, {
      ...(Object.fromEntries(headers) as Record<string, string>),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // A proxy that collects would tell all of it at the end.
      'x-accel-buffering': 'no',
    });
  };
  const write = (text: string) => {
    open();
    // A reader who is slow is not waited for: what one call writes is small.
    reply.raw.write(text);
  };
  const send: EventStream['send'] = (data, name) =>
    write(`${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`);
  return {
    get isOpen() {
      return isOpen;
    },
    send,
    end(last) {
      if (last !== undefined) write(`data: ${last}\n\n`);
      open();
      reply.raw.end();
    },
    fail(error, name) {
      const { body } = envelopeOf(refusalOf(error));
      send(name === undefined ? body : { type: name, ...body }, name);
      reply.raw.end();
    },
  };
}
