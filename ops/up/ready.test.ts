import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assertPortIsFree, untilAnswering, untilOffering } from './ready.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
}
const models = (status: string): Answer => ({
  status: 200,
  body: JSON.stringify({ data: [{ status }] }),
});
const nothing: Answer = { status: 503, body: 'not yet' };

describe('readiness', () => {
  let server: Server;
  let port: number;
  /** Given one after the other; the last one stays. */
  let answers: Answer[];
  let asked: string[];

  beforeEach(async () => {
    [answers, asked] = [[nothing], []];
    server = createServer((request, response) => {
      asked.push(request.url ?? '');
      const { status, body } = (answers.length > 1 ? answers.shift() : answers[0]) ?? nothing;
      response.writeHead(status).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  const address = () => `http://127.0.0.1:${port}`;
  const never = new AbortController().signal;

  it('waits until the runtime takes calls', async () => {
    answers = [nothing, nothing, { status: 200, body: '' }];
    await untilAnswering(address(), never);
    expect(asked).toEqual(['/readyz', '/readyz', '/readyz']);
  });

  it('waits until a model is at hand', async () => {
    const empty = { status: 200, body: '{"data":[]}' };
    answers = [empty, { status: 200, body: 'no json' }, models('offline'), models('loadable')];
    await untilOffering(address(), never);
    expect(asked).toHaveLength(4);
  });

  it('does not wait once it is called off', async () => {
    const signal = AbortSignal.abort(new Error('stopped'));
    await expect(untilAnswering(address(), signal)).rejects.toThrow();
    await expect(untilOffering(address(), signal)).rejects.toThrow();
  });

  it('needs the port: one that is taken is named, with what to do', async () => {
    await expect(assertPortIsFree('127.0.0.1', port)).rejects.toThrow(
      `Port ${port} is already used by another program. Choose another one, such as PORT=${port + 1}.`,
    );
    await new Promise((resolve) => server.close(resolve));
    await assertPortIsFree('127.0.0.1', port);
    server.listen(0);
  });
});
