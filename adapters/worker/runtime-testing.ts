// A runtime for the agent's tests: a real HTTP and WebSocket server on a free port that keeps strictly
// to the protocol, remembers every frame, and can be told to misbehave as networks do.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import {
  agentFrame,
  runtimeFrame,
  type AgentFrame,
  type AgentFrameOf,
  type RuntimeFrame,
} from '../../machines/contract/worker-protocol.ts';

export const WORKER_KEY = 'tsr_worker_for-tests';

type FrameType = AgentFrame['type'];
type Request = { method: string; path: string; offset: number | undefined };
/** What to do instead of serving an upload: an answer, or a connection that breaks after some bytes. */
export type Fault = { status: number; offset?: number } | { breakAfterBytes: number };

export interface TestRuntime {
  readonly url: string;
  readonly frames: AgentFrame[];
  readonly requests: Request[];
  /** Faults for the next PUT requests, first come first served. */
  readonly faults: Fault[];
  /** Bytes served to agents as inputs, by `job/n`. */
  readonly inputs: Map<string, Uint8Array>;
  readonly blobs: Map<string, Buffer>;
  /** The next frame of a type that was not taken yet; waits for it. */
  take<T extends FrameType>(type: T): Promise<AgentFrameOf<T>>;
  send(frame: RuntimeFrame): void;
  /** Text that is not a frame of the protocol. */
  sendText(text: string): void;
  /** Breaks the socket without a word, as a pulled cable does. */
  drop(): void;
  closeSession(code: number, reason: string): void;
  /** The status that the next dials are answered with, instead of a session. */
  refuseWith(status: number | undefined): void;
  /** Resolves once a request of this method has been seen. */
  requested(method: string): Promise<void>;
  /** Resolves once this many dials have been seen in all. */
  dialled(count: number): Promise<void>;
  close(): Promise<void>;
}

export async function startTestRuntime(
  options: { heartbeatMs?: number } = {},
): Promise<TestRuntime> {
  const frames: AgentFrame[] = [];
  const untaken: AgentFrame[] = [];
  const waiters = new Set<() => void>();
  const problems: string[] = [];
  const blobs = new Map<string, Buffer>();
  const inputs = new Map<string, Uint8Array>();
  const requests: Request[] = [];
  const faults: Fault[] = [];
  let session: WebSocket | undefined;
  let refusal: number | undefined;
  let dials = 0;
  const changed = () => {
    for (const wake of [...waiters]) wake();
  };

  const server = createServer((request, response) => void serve(request, response));
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {});
    dials += 1;
    changed();
    const isKnown = request.headers.authorization === `Bearer ${WORKER_KEY}`;
    const status = refusal ?? (isKnown && request.url === '/v1/workers/stream' ? undefined : 401);
    if (status !== undefined)
      return socket.end(`HTTP/1.1 ${status} Refused\r\nContent-Length: 0\r\n\r\n`);
    sockets.handleUpgrade(request, socket, head, listen);
  });

  const listen = (socket: WebSocket) => {
    session = socket;
    let isFirst = true;
    socket.on('message', (data) => {
      const frame = agentFrame.parse(JSON.parse(String(data)));
      if (isFirst !== (frame.type === 'hello')) problems.push(`${frame.type} came out of turn`);
      isFirst = false;
      frames.push(frame);
      untaken.push(frame);
      if (frame.type === 'hello') {
        write(socket, {
          type: 'welcome',
          worker: 'worker_1',
          heartbeatMs: options.heartbeatMs ?? 60_000,
        });
      }
      changed();
    });
    socket.on('error', () => {});
  };

  const write = (socket: WebSocket | undefined, frame: RuntimeFrame) => {
    if (socket === undefined) throw new Error('no session to send on');
    socket.send(JSON.stringify(runtimeFrame.parse(frame)));
  };

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? '';
    const header = request.headers['upload-offset'];
    const offset = header === undefined ? undefined : Number(header);
    requests.push({ method: request.method ?? '', path, offset });
    changed();
    const answer = (status: number, held?: number) =>
      response.writeHead(status, held === undefined ? {} : { 'upload-offset': held }).end();
    if (request.headers.authorization !== `Bearer ${WORKER_KEY}`) return answer(401);
    const input = /^\/v1\/workers\/jobs\/([^/]+)\/inputs\/(\d+)$/.exec(path);
    if (input !== null) {
      const bytes = inputs.get(`${input[1]}/${input[2]}`);
      return bytes === undefined ? answer(404) : response.end(bytes);
    }
    const blob = /^\/v1\/workers\/jobs\/[^/]+\/attempts\/\d+\/blobs\/sha256:([0-9a-f]{64})$/.exec(
      path,
    )?.[1];
    if (blob === undefined) return answer(404);
    const held = blobs.get(blob) ?? Buffer.alloc(0);
    if (request.method === 'HEAD') return answer(200, held.length);
    await receive(request, response, { blob, held, offset: offset ?? -1, answer });
  };

  const receive = async (
    request: IncomingMessage,
    response: ServerResponse,
    {
      blob,
      held,
      offset,
      answer,
    }: {
      blob: string;
      held: Buffer;
      offset: number;
      answer: (status: number, held?: number) => void;
    },
  ) => {
    const fault = faults.shift();
    const body: Buffer[] = [];
    for await (const piece of request) body.push(piece as Buffer);
    const bytes = Buffer.concat(body);
    if (fault !== undefined && 'breakAfterBytes' in fault) {
      blobs.set(blob, Buffer.concat([held, bytes.subarray(0, fault.breakAfterBytes)]));
      return response.destroy();
    }
    if (fault !== undefined) return answer(fault.status, fault.offset);
    if (offset !== held.length) return answer(409, held.length);
    const now = Buffer.concat([held, bytes]);
    blobs.set(blob, now);
    if (now.length < Number(request.headers['upload-length'])) return answer(202, now.length);
    if (createHash('sha256').update(now).digest('hex') === blob) return answer(204, now.length);
    blobs.delete(blob);
    answer(422);
  };

  const until = async <T>(look: () => T | undefined): Promise<T> => {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await new Promise<void>((wake) => {
        const once = () => (waiters.delete(once), wake());
        waiters.add(once);
      });
    }
  };

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    frames,
    requests,
    faults,
    inputs,
    blobs,
    take: <T extends FrameType>(type: T) =>
      until(() => {
        const at = untaken.findIndex((frame) => frame.type === type);
        return at === -1 ? undefined : (untaken.splice(at, 1)[0] as AgentFrameOf<T>);
      }),
    send: (frame) => write(session, frame),
    sendText: (text) => session?.send(text),
    drop: () => session?.terminate(),
    closeSession: (code, reason) => session?.close(code, reason),
    refuseWith: (status) => void (refusal = status),
    requested: async (method) =>
      void (await until(() => requests.find((request) => request.method === method))),
    dialled: async (count) => void (await until(() => (dials >= count ? true : undefined))),
    close: async () => {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      if (problems.length > 0) throw new Error(problems.join('; '));
    },
  };
}
