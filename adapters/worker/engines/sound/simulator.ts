// A maker of sound at the level of its wire, in three tongues: ACE-Step's task server, LocalAI's one long call, and
// a small server as people put around AudioCraft. The work is a clock; the sound is a tone as long as was asked,
// its pitch from the seed.
import type { ServerResponse } from 'node:http';
import { Simulator, type SimulatedRequest } from '../simulator-testing.ts';
import { tone, toneWav } from '../sound-files/tone-testing.ts';
import { answerAceStep, forgetTasks } from './simulated-ace-step.ts';
import { answerLocalAi } from './simulated-local-ai.ts';
import { answerWrapper } from './simulated-wrapper.ts';

export type SoundTongue = 'ace-step' | 'local-ai' | 'wrapper';

export interface SoundServer {
  readonly tongue: SoundTongue;
  readonly simulator: Simulator;
  readonly models: Set<string>;
  readonly loaded: Set<string>;
  /** What somebody asked for, newest last, a few. */
  readonly asked: Record<string, unknown>[];
  readonly tasks: Map<string, SimulatedTask>;
  readonly mishaps: {
    isOutOfMemory: boolean;
    /** A head without sound. */
    isEmpty: boolean;
    excessBytes: number;
    /** For a second of sound. */
    msPerSecond: number;
    /** Where the answer says that its file lies. */
    fileUrl: string | null;
  };
  busy: number;
  whenBusy(): Promise<void>;
}

export interface SimulatedTask {
  readonly id: string;
  state: 'queued' | 'running' | 'succeeded' | 'failed';
  startedAt: number;
  readonly workMs: number;
  readonly said: Record<string, unknown>;
  error: string | null;
}

export type Answer = (
  server: SoundServer,
  request: SimulatedRequest,
  response: ServerResponse,
) => void | Promise<void>;

const TONGUES: Readonly<Record<SoundTongue, Answer>> = {
  'ace-step': answerAceStep,
  'local-ai': answerLocalAi,
  wrapper: answerWrapper,
};
const RATE = 16_000;
const ASKED_KEPT = 50;

const watchers = new WeakMap<SoundServer, Set<() => void>>();
const queues = new WeakMap<SoundServer, Promise<unknown>>();

export async function startSoundServer(tongue: SoundTongue): Promise<SoundServer> {
  const simulator = await Simulator.start({
    answer: (request, response) => TONGUES[tongue](server, request, response),
    forget: () => {
      server.loaded.clear();
      forgetTasks(server);
    },
  });
  const server: SoundServer = {
    tongue,
    simulator,
    models: new Set(['music']),
    loaded: new Set(),
    asked: [],
    tasks: new Map(),
    mishaps: {
      isOutOfMemory: false,
      isEmpty: false,
      excessBytes: 0,
      msPerSecond: 1,
      fileUrl: null,
    },
    busy: 0,
    whenBusy: () =>
      new Promise((resolve) => {
        if (server.busy > 0) return resolve();
        watchers.get(server)!.add(resolve);
      }),
  };
  watchers.set(server, new Set());
  return server;
}

export function remember(server: SoundServer, said: Record<string, unknown>): void {
  server.asked.push(said);
  server.asked.splice(0, server.asked.length - ASKED_KEPT);
}

/** One card: whoever comes later waits. Ends early when the client hangs up, if it is one that waits. */
export async function work(
  server: SoundServer,
  workMs: number,
  response: ServerResponse | null,
): Promise<void> {
  server.busy += 1;
  for (const watch of watchers.get(server)!) watch();
  watchers.get(server)!.clear();
  const turn = (queues.get(server) ?? Promise.resolve()).then(() => later(workMs, response));
  queues.set(server, turn);
  try {
    await turn;
  } finally {
    server.busy -= 1;
  }
}

export function soundOf(
  server: SoundServer,
  seconds: number,
  seed: number,
  format = 'wav',
): Buffer {
  const { isEmpty, excessBytes } = server.mishaps;
  if (isEmpty) return toneWav(0, RATE);
  const pitch = 200 + (seed % 500);
  const file = format === 'wav' ? toneWav(seconds, RATE, pitch) : tone(format as 'mp3', seconds, 0);
  return excessBytes > 0 ? Buffer.concat([file, Buffer.alloc(excessBytes)]) : file;
}

export function reply(response: ServerResponse, status: number, body: unknown): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { 'content-type': 'application/json' }).end(bytes);
}

export function bodyOf({ body }: SimulatedRequest): Record<string, unknown> {
  try {
    return JSON.parse(body.toString('utf8')) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function later(delayMs: number, response: ServerResponse | null): Promise<void> {
  return new Promise((resolve) => {
    if (response?.destroyed) return resolve();
    const timer = setTimeout(resolve, delayMs).unref();
    response?.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
