// Server-sent events (WHATWG HTML, 9.2), as OpenAI's clients read them: `data:` lines of JSON, a name where the
// call has several kinds, and a last line that is not JSON.
import type { FastifyReply } from 'fastify';

export interface EventStream {
  /** True once anything has been sent: then an error can only be an event. */
  readonly isOpen: boolean;
  send(data: object, name?: string): void;
  /** @param last sent as it is, e.g. `[DONE]` */
  end(last?: string): void;
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
  return {
    get isOpen() {
      return isOpen;
    },
    send: (data, name) =>
      write(`${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`),
    end(last) {
      if (last !== undefined) write(`data: ${last}\n\n`);
      open();
      reply.raw.end();
    },
  };
}
