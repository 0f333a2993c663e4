// Plays a recording against the simulator: the same questions at the same moments of its clock, and every answer
// and event compared. Ids, times, counters and words differ from run to run; kind, order and shape must not.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'vitest';
import WebSocket from 'ws';
import { createManualClock, type ManualClock } from '../../clock-testing.ts';
import { shapeOf, type Line } from '../transcript-testing.ts';
import { startComfySimulator, type ComfySimulator } from './simulator/server.ts';

export interface Told {
  readonly type: string;
  readonly data: Record<string, unknown>;
}

interface Listener {
  readonly socket: WebSocket;
  /** Of the queue and of runs: two threads of the server tell them, so that their mixture is chance. */
  readonly status: Told[];
  readonly others: Told[];
  readonly all: string[];
  last: Told | undefined;
}

export interface Hooks {
  readonly folders?: Readonly<Record<string, readonly string[]>>;
  readonly prepare?: (replay: Replay) => void | Promise<void>;
  /** Before a line is played. */
  readonly before?: (line: Line, replay: Replay) => void | Promise<void>;
}

export interface Replay {
  readonly server: ComfySimulator;
  readonly listeners: Map<string, Listener>;
  readonly listen: (name: string, clientId: string | undefined, flags: boolean) => Promise<void>;
}

/** A question comes so much earlier: the steps of the recording took a little longer than they say. */
const EARLY_MS = 20;
/** Events that are due then may take so much of the clock. */
const LATE_MS = 150;
const TICK_MS = 5;
/** What the recording sends too much of need not be sent in full. */
const UPLOAD_BYTES_MAX = 2_000;

export async function replay(lines: readonly Line[], hooks: Hooks = {}): Promise<void> {
  const clock = createManualClock();
  const server = await startComfySimulator({
    timers: clock,
    ...(hooks.folders && { folders: hooks.folders }),
  });
  const listeners = new Map<string, Listener>();
  const listen = async (name: string, clientId: string | undefined, flags: boolean) => {
    const query = clientId === undefined ? '' : `?clientId=${clientId}`;
    listeners.set(name, await listenAt(`${server.url.replace('http', 'ws')}/ws${query}`, flags));
  };
  server.knobs.uploadBytesMax = UPLOAD_BYTES_MAX;
  const player = createPlayer(lines, clock, { server, listeners, listen });
  try {
    await hooks.prepare?.({ server, listeners, listen });
    while (server.worker.remaining() > 0) await nextTurn();
    // Short, and still long enough for two prompts to meet in the queue.
    server.knobs.nodeMs = 1;
    for (const [index, line] of lines.entries()) {
      await player.reach(line);
      await hooks.before?.(line, { server, listeners, listen });
      await player.play(line, index);
    }
  } finally {
    for (const { socket } of listeners.values()) socket.terminate();
    await server.close();
  }
}

async function listenAt(url: string, wantsMetadata: boolean): Promise<Listener> {
  const socket = new WebSocket(url);
  const listener: Listener = { socket, status: [], others: [], all: [], last: undefined };
  socket.on('error', () => {});
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    const told = isBinary
      ? { type: `binary ${data.readUInt32BE(0)}`, data: {} }
      : (JSON.parse(data.toString()) as Told);
    listener.all.push(told.type);
    (told.type === 'status' ? listener.status : listener.others).push(told);
  });
  await new Promise((resolve) => socket.once('open', resolve));
  if (wantsMetadata)
    socket.send(
      JSON.stringify({ type: 'feature_flags', data: { supports_preview_metadata: true } }),
    );
  return listener;
}

function createPlayer(
  lines: readonly Line[],
  clock: ManualClock,
  { server, listeners, listen }: Replay,
) {
  const ids = new Map<string, string>();
  const withOurIds = <T>(value: T): T => {
    let text = JSON.stringify(value ?? null);
    for (const [theirs, ours] of ids) text = text.replaceAll(theirs, ours);
    return JSON.parse(text) as T;
  };
  const advanceTo = async (at: number) => {
    while (clock.now() < at) {
      clock.advance(Math.min(TICK_MS, at - clock.now()));
      await nextTurn();
    }
  };

  const hear = async (line: Line) => {
    const listener = listeners.get(line['client'] as string)!;
    const expected: Told =
      line.kind === 'ws<bin'
        ? { type: `binary ${String(line['event_type'])}`, data: {} }
        : withOurIds(line['msg'] as Told);
    const from = expected.type === 'status' ? listener.status : listener.others;
    while (from.length === 0) {
      if (clock.now() < line.t_ms + LATE_MS) clock.advance(TICK_MS);
      await nextTurn();
    }
    const told = from.shift()!;
    listener.last = told;
    expect(essence(told)).toEqual(essence(expected));
  };

  const ask = async (line: Line, index: number) => {
    const recorded = lines.slice(index + 1).find(({ kind }) => kind === 'http<');
    const { method, path, body } = withOurIds({
      method: line['method'] as string,
      path: line['path'] as string,
      body: line['body'],
    });
    const wasRefused = (lines[index + 1]?.['text'] as string | undefined)?.includes(
      'ClientConnectorError',
    );
    const asked = fetch(`${server.url}${path}`, {
      method,
      ...bodyOf(body),
      ...headersOf(lines, index),
    });
    if (wasRefused) return void (await expect(asked).rejects.toThrow('fetch failed'));
    const response = await asked;
    const bytes = Buffer.from(await response.arrayBuffer());
    const got = readAnswer(response, bytes);
    learnId(recorded!['body'], got.body);
    expect(`${path} ${got.status} ${got.contentType}`).toBe(
      `${path} ${String(recorded!['status'])} ${(recorded!['content_type'] as string | null) ?? ''}`,
    );
    const theirs = recorded!['body'] as { head_hex?: string };
    if (theirs?.head_hex !== undefined)
      return expect(bytes.toString('hex', 0, 3)).toBe(theirs.head_hex.slice(0, 6));
    expect(shapeOf(sorted(got.body))).toEqual(shapeOf(sorted(withOurIds(recorded!['body']))));
    expect(kindsOf(got.body)).toEqual(kindsOf(recorded!['body']));
  };

  const learnId = (theirs: unknown, ours: unknown) => {
    const idIn = (body: unknown) => (body as { prompt_id?: string } | null)?.prompt_id;
    const [their, our] = [idIn(theirs), idIn(ours)];
    if (their !== undefined && our !== undefined && their !== our) ids.set(their, our);
  };

  return {
    /** The moment of everything but events: those come when they come. */
    reach: async (line: Line) => {
      if (line.kind.startsWith('ws<')) return;
      // A prompt begins when it began; nothing else must find the next step done already.
      const isStart = line.kind === 'http>' && line['path'] === '/prompt';
      await advanceTo(isStart ? line.t_ms : line.t_ms - EARLY_MS);
    },
    play: async (line: Line, index: number) => {
      const name = line['client'] as string;
      if (line.kind === 'ws<' || line.kind === 'ws<bin') return hear(line);
      if (line.kind === 'http>') return ask(line, index);
      if (line.kind === 'ws-open') {
        const first = lines
          .slice(index)
          .find((each) => each.kind === 'ws<' && each['client'] === name);
        const sid = (first?.['msg'] as Told | undefined)?.data['sid'] as string | undefined;
        const flags = lines.some((each) => each.kind === 'ws>' && each['client'] === name);
        return listen(
          name,
          sid !== undefined && /^[0-9a-f]{32}$/.test(sid) ? undefined : sid,
          flags,
        );
      }
      if (line.kind === 'ws-closed') {
        const { socket, last, others } = listeners.get(name)!;
        // Where the recording heard all of a run, no more must have come here either.
        if (last?.type === 'executing' && last.data['node'] === null) expect(others).toEqual([]);
        const closed = new Promise((resolve) => socket.once('close', resolve));
        if (socket.readyState !== WebSocket.CLOSED) {
          socket.terminate();
          await closed;
        }
      }
    },
  };
}

function bodyOf(body: unknown): { body?: string | FormData } {
  if (body === null || body === undefined) return {};
  if (typeof body !== 'string') return { body: JSON.stringify(body) };
  if (!body.startsWith('multipart')) return { body };
  const form = new FormData();
  const image = /image=(\S+)/.exec(body)?.[1];
  const isHuge = body.includes('MiB');
  const bytes = isHuge
    ? 'x'.repeat(UPLOAD_BYTES_MAX)
    : /other bytes|overwrite/.test(body)
      ? 'other bytes'
      : 'some bytes';
  if (image !== undefined) form.set('image', new Blob([bytes]), image);
  for (const [, name, value] of body.matchAll(/(subfolder|type|overwrite)=(\S+)/g))
    form.set(name!, value!);
  return { body: form };
}

function headersOf(lines: readonly Line[], index: number): { headers?: Record<string, string> } {
  const isForeign = lines[index - 1]?.['text'] === 'foreign Origin header';
  return isForeign ? { headers: { origin: 'http://elsewhere.example' } } : {};
}

function readAnswer(response: Response, bytes: Buffer) {
  const contentType = response.headers.get('content-type') ?? '';
  const text = contentType.startsWith('image/') ? '' : bytes.toString('utf8');
  const body: unknown = contentType.startsWith('application/json') ? JSON.parse(text) : text;
  return { status: response.status, contentType, body };
}

/** What must be equal word for word: the kinds of errors, and what a node's error is about. */
function kindsOf(body: unknown): unknown {
  const read = body as {
    error?: { type?: string };
    node_errors?: Record<string, { errors: { type: string }[] }>;
  } | null;
  const ofNodes = Object.entries(read?.node_errors ?? {}).map(([id, { errors }]) => [
    id,
    errors.map(({ type }) => type).sort(),
  ]);
  return { error: read?.error?.type, ofNodes: ofNodes.sort() };
}

/** A node's faults are found in no order. */
function sorted(body: unknown): unknown {
  const read = body as { node_errors?: Record<string, { errors: { type: string }[] }> } | null;
  for (const { errors } of Object.values(read?.node_errors ?? {}))
    errors.sort((a, b) => (a.type < b.type ? -1 : 1));
  return body;
}

/** What of an event must be the same. */
function essence({ type, data }: Told): unknown {
  const { node, value, max, nodes, node_id, node_type, exception_type, status } = data;
  const queue = (status as { exec_info?: unknown } | undefined)?.exec_info;
  const same = { node, value, max, node_id, node_type, exception_type, queue };
  const progress = type === 'progress_state' ? statesOf(nodes) : nodes;
  return {
    type,
    same,
    progress,
    shape: type === 'progress_state' ? null : shapeOf({ ...data, nodes: null }),
  };
}

const statesOf = (nodes: unknown) =>
  Object.fromEntries(
    Object.entries(nodes as Record<string, { value: number; max: number; state: string }>).map(
      ([id, { value, max, state }]) => [id, `${state} ${value}/${max}`],
    ),
  );
