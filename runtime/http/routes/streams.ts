// The WebSockets: what clients watch, what worker agents hang on, what operators look into. Listeners are
// attached before anything is awaited: a frame that arrives early must not be lost.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { SYSTEM_ACCOUNT } from '../../../machines/contract/ids.ts';
import type { Host } from '../../host.ts';
import { workerIdOf } from '../../keys.ts';
import { callerOf } from '../access.ts';
import type { App, Doorkeepers } from '../app.ts';
import { refuse } from '../problems.ts';
import { CLOSE, closeSocket, FRAME_BYTES_MAX, keepAlive, onText, sendText } from '../sockets.ts';
import { FrontendSubject } from '../frontend-subject.ts';
import { personSubject, StreamSession, type StreamSocket } from '../stream-session.ts';

const SUBSCRIBER_FRAME_BYTES_MAX = 64 * 1024;

function refuseWithoutSocket(_request: FastifyRequest, reply: FastifyReply): never {
  reply.header('upgrade', 'websocket').header('connection', 'upgrade');
  throw refuse('upgrade_required', 'Open this address as a WebSocket.');
}

export function streamRoutes(app: App, host: Host, keepers: Doorkeepers): void {
  const { principals, sockets, audit, revocations } = keepers;
  const { metrics } = host;

  app.addHook('preHandler', async (request) => {
    if (request.ws && sockets.isFull)
      throw refuse('overloaded', 'Too many WebSockets are open. Try again in a moment.');
  });

  /** Or closes it: each of them costs memory, and nobody needs so many. */
  const isAdmitted = (socket: WebSocket, owner: string, keyId: string): boolean => {
    const cutOff = () => closeSocket(socket, CLOSE.policyViolation, 'This API key was revoked.');
    socket.once('close', revocations.watch(keyId, cutOff));
    if (sockets.admit(socket, owner)) return true;
    closeSocket(
      socket,
      CLOSE.tryAgainLater,
      'Too many connections are open here. Close another one.',
    );
    return false;
  };

  /**
   * Asks again with each heartbeat: an expired key and a signed-out browser lose their connections, and whoever speaks
   * for another account since (linked, or unlinked) hears no more of the one before.
   */
  const checkAgain = (socket: WebSocket, request: FastifyRequest) => (): void => {
    principals
      .of(request.headers)
      .then(({ accountId }) => {
        if (accountId !== callerOf(request).accountId)
          closeSocket(socket, CLOSE.tryAgainLater, 'This is another account now. Connect again.');
      })
      .catch((error: { status?: number; message: string }) => {
        if (error.status === 401) closeSocket(socket, CLOSE.policyViolation, error.message);
      });
  };

  const count = (socket: WebSocket, kind: 'subscriber' | 'worker' | 'inspector'): void => {
    metrics.streams.inc({ kind });
    socket.on('close', () => metrics.streams.dec({ kind }));
  };

  app.route({
    method: 'GET',
    url: '/v1/stream',
    schema: { hide: true },
    handler: refuseWithoutSocket,
    config: { access: 'subscriber' },
    wsHandler(socket, request) {
      const { accountId, id } = callerOf(request);
      // A frontend that names nobody hears of all the jobs that it asked for, for whomever.
      const isForAll = accountId === SYSTEM_ACCOUNT;
      if (!isAdmitted(socket, isForAll ? id : accountId, id)) return;
      const { store, live } = host;
      const session = new StreamSession(
        {
          store,
          subject: isForAll ? new FrontendSubject(host, id) : personSubject(store, live, accountId),
          requestId: request.id,
          dropped: () => metrics.framesDropped.inc(),
          failed: (err) => request.log.error({ err }, 'A stream broke off'),
        },
        seenFrom(socket),
      );
      onText(socket, SUBSCRIBER_FRAME_BYTES_MAX, (text) => session.receive(text));
      socket.on('close', () => session.closed());
      count(socket, 'subscriber');
      const check = checkAgain(socket, request);
      keepAlive(socket, () => {
        check();
        // In case a wake-up was lost on its way from another runtime.
        session.rowsPublished();
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/admin/inspect',
    schema: { hide: true },
    handler: refuseWithoutSocket,
    config: { access: 'admin' },
    wsHandler(socket, request) {
      const { id: keyId } = callerOf(request);
      if (!isAdmitted(socket, keyId, keyId)) return;
      const session = host.inspector.accept(seenFrom(socket), {
        requestId: request.id,
        failed: (err) => request.log.error({ err }, 'An inspector broke off'),
      });
      if (!session)
        return closeSocket(socket, CLOSE.tryAgainLater, 'Enough inspectors are connected already.');
      onText(socket, SUBSCRIBER_FRAME_BYTES_MAX, (text) => session.receive(text));
      socket.on('close', () => session.closed());
      count(socket, 'inspector');
      keepAlive(socket, checkAgain(socket, request));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/workers/stream',
    schema: { hide: true },
    handler: refuseWithoutSocket,
    config: { access: 'worker' },
    wsHandler(socket, request) {
      const { id, workerName = null } = callerOf(request);
      if (!isAdmitted(socket, id, id)) return;
      const workerId = workerIdOf(id);
      const session = host.sessions.accept(
        {
          send: (text) => sendText(socket, text),
          close: (code, reason) => closeSocket(socket, code, reason),
          bufferedBytes: () => socket.bufferedAmount,
        },
        workerId,
        {
          name: workerName,
          refused: (action, details) => void audit.note(workerId, action, details),
        },
      );
      onText(socket, FRAME_BYTES_MAX, (text) => session.receive(text));
      socket.on('close', () => session.closed());
      count(socket, 'worker');
      keepAlive(socket, checkAgain(socket, request));
    },
  });
}

/** As much of a socket as its session needs. */
const seenFrom = (socket: WebSocket): StreamSocket => ({
  get bufferedAmount() {
    return socket.bufferedAmount;
  },
  send: (text, sent) => sendText(socket, text, sent),
  close: (code, reason) => closeSocket(socket, code, reason),
});
