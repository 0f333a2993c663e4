// The agent's one socket to the runtime: dial, greet, beat, notice death, dial again. It knows frames,
// not their meaning.
import type WebSocket from 'ws';
import {
  agentFrame,
  comeBackMs,
  runtimeFrame,
  type AgentFrame,
  type RuntimeFrame,
} from '../../machines/contract/worker-protocol.ts';
import { backoffMs, RECONNECT } from './backoff.ts';
import type { Log, Seams } from './seams.ts';

export interface ConnectionOptions {
  readonly url: string;
  readonly key: string;
  readonly seams: Seams;
  readonly log: Log;
  readonly hello: () => AgentFrame;
  /** The runtime greeted us: whatever it may have missed is repeated now. */
  readonly onWelcome: () => void;
  readonly onFrame: (frame: Exclude<RuntimeFrame, { type: 'welcome' }>) => void;
  /** No further attempt will be made. */
  readonly onEnd: (reason: string) => void;
}

export interface Connection {
  /** Sends now or not at all; answers whether it was sent. */
  send(frame: AgentFrame): boolean;
  /** Sends now, and again after a reconnect unless the runtime is known to have received it. */
  deliver(frame: AgentFrame): void;
  isOnline(): boolean;
  /** Resolves at the next welcome; at once when online. */
  whenOnline(signal: AbortSignal): Promise<void>;
  /** Hangs up and dials at once, so that a fresh `hello` is told. */
  renew(): void;
  close(): void;
}

const WELCOME_WITHIN_MS = 10_000;
/** A refused key does not mend itself within seconds: ask slowly, a person has to act. */
const REFUSED_RETRY_MS = 30_000;
/** Close code of a runtime that has accepted a newer session of the same worker. */
const NEWER_SESSION = 4001;
/** Three silent heartbeats: the socket is dead even if nobody closed it. */
const SILENT_HEARTBEATS_MAX = 3;
/** Beyond this much unsent, progress only delays what matters. */
const BUFFERED_BYTES_MAX = 4 * 1024 * 1024;

export function connect(options: ConnectionOptions): Connection {
  const { seams, log } = options;
  const { timers } = seams;
  const address = streamAddress(options.url);
  const waiting = new Set<() => void>();
  let unconfirmed: { frame: AgentFrame; order: number }[] = [];
  let delivered = 0;
  let socket: WebSocket | undefined;
  let online = false;
  let stopped = false;
  let failures = 0;
  let callOff = () => {};

  const write = (target: WebSocket, frame: AgentFrame): boolean => {
    const checked = agentFrame.safeParse(frame);
    if (!checked.success) {
      log.error(
        { type: frame.type, issues: checked.error.issues },
        'A frame broke the protocol and was not sent',
      );
      return false;
    }
    target.send(JSON.stringify(checked.data));
    return true;
  };

  const dial = () => {
    const current = seams.openSocket(address, { authorization: `Bearer ${options.key}` });
    socket = current;
    let refusal: number | undefined;
    let problem = '';
    let heardAt = timers.now();
    const heard = () => void (heardAt = timers.now());
    callOff = timers.after(WELCOME_WITHIN_MS, () => current.terminate());

    const beat = (heartbeatMs: number) => {
      callOff = timers.after(heartbeatMs, () => {
        if (timers.now() - heardAt > SILENT_HEARTBEATS_MAX * heartbeatMs) {
          problem = 'nothing was heard';
          current.terminate();
          return;
        }
        write(current, { type: 'heartbeat' });
        probe();
        beat(heartbeatMs);
      });
    };
    // A pong proves that everything written before its ping has arrived.
    const probe = () => {
      current.ping(String(delivered));
    };

    current.on('open', () => write(current, options.hello()));
    current.on('pong', (data) => {
      heard();
      unconfirmed = unconfirmed.filter(({ order }) => order > Number(String(data)));
    });
    current.on('ping', heard);
    current.on('message', (data, isBinary) => {
      heard();
      const frame = isBinary ? undefined : readFrame(String(data), log);
      if (frame === undefined || current !== socket) return;
      if (frame.type !== 'welcome') return options.onFrame(frame);
      callOff();
      failures = 0;
      online = true;
      beat(frame.heartbeatMs);
      log.info({ worker: frame.worker }, 'Connected to the runtime');
      for (const missed of unconfirmed) write(current, missed.frame);
      options.onWelcome();
      probe();
      for (const resolve of waiting) resolve();
      waiting.clear();
    });
    current.on('unexpected-response', (_request, response) => {
      refusal = response.statusCode;
      problem = `status ${refusal}`;
      current.terminate();
    });
    current.on('error', (error) => void (problem ||= error.message));
    current.on('close', (code, reason) => {
      if (current !== socket) return;
      callOff();
      const wasOnline = online;
      online = false;
      socket = undefined;
      if (stopped) return;
      if (code === NEWER_SESSION || /newer session/i.test(String(reason))) {
        return end('A newer session of this worker took over, so this one ends.');
      }
      const awayMs = comeBackMs(String(reason));
      if (awayMs !== null) {
        // No failure: it is there, and has asked us to come a little later.
        log.info(
          { retryInMs: awayMs },
          'Many workers greet the runtime just now; ours waits its turn',
        );
        callOff = timers.after(awayMs, dial);
        return;
      }
      const delayMs =
        refusal === 401 || refusal === 403
          ? REFUSED_RETRY_MS * (0.5 + seams.random() / 2)
          : backoffMs(RECONNECT, failures, seams.random);
      tell(refusal, wasOnline, problem || String(reason) || `code ${code}`, delayMs);
      failures += 1;
      callOff = timers.after(delayMs, dial);
    });
  };

  const tell = (refusal: number | undefined, wasOnline: boolean, why: string, delayMs: number) => {
    const facts = { url: options.url, why, retryInMs: Math.round(delayMs) };
    if (refusal === 401 || refusal === 403) {
      log.error(
        facts,
        `The runtime refused this worker's key (${refusal}). Beside the runtime, make a token with tessera key enrol; here, give it to tessera worker enrol`,
      );
    } else if (wasOnline) {
      log.warn(facts, 'The connection to the runtime broke; work goes on, and it is dialled again');
    } else if (failures === 0 || failures % 10 === 0) {
      // Every attempt while the runtime restarts would only fill the log.
      log.warn(facts, 'The runtime cannot be reached; it is dialled again until it answers');
    }
  };

  const stop = () => {
    stopped = true;
    online = false;
    callOff();
  };

  const end = (reason: string) => {
    stop();
    log.warn({}, reason);
    options.onEnd(reason);
  };

  const send = (frame: AgentFrame): boolean => {
    if (!online || socket === undefined || socket.readyState !== socket.OPEN) return false;
    if (frame.type === 'progress' && socket.bufferedAmount > BUFFERED_BYTES_MAX) return false;
    return write(socket, frame);
  };

  dial();
  return {
    send,
    deliver: (frame) => {
      delivered += 1;
      unconfirmed.push({ frame, order: delivered });
      send(frame);
    },
    isOnline: () => online,
    whenOnline: (signal) =>
      new Promise((resolve, reject) => {
        if (online) return resolve();
        if (signal.aborted) return reject(signal.reason);
        waiting.add(resolve);
        signal.addEventListener('abort', () => (waiting.delete(resolve), reject(signal.reason)), {
          once: true,
        });
      }),
    renew: () => {
      failures = 0;
      socket?.close(1000, 'new offer');
    },
    close: () => {
      stop();
      const last = socket;
      if (last === undefined) return;
      last.close(1001, 'worker stops');
      // The closing handshake of a peer that is gone would hold the process for half a minute.
      if (last.readyState !== last.CLOSED) timers.after(1_000, () => last.terminate());
    },
  };
}

function readFrame(text: string, log: Log): RuntimeFrame | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    log.warn(
      { start: text.slice(0, 200) },
      'The runtime sent a frame that is not JSON; it is ignored',
    );
    return undefined;
  }
  const frame = runtimeFrame.safeParse(value);
  if (frame.success) return frame.data;
  log.warn(
    { issues: frame.error.issues, start: text.slice(0, 200) },
    'The runtime sent a frame of an unknown shape; it is ignored',
  );
  return undefined;
}

function streamAddress(url: string): string {
  const address = new URL(url);
  address.protocol = address.protocol === 'https:' || address.protocol === 'wss:' ? 'wss:' : 'ws:';
  address.pathname = `${address.pathname.replace(/\/+$/, '')}/v1/workers/stream`;
  return address.href;
}
