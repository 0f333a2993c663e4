// A speech server at the level of its wire, after the recorded ones: Kokoro-FastAPI and openedai-speech. It really
// answers with sound: a tone as long as the text would take to say. What it can be told to do wrong is what the
// real ones do.
import type { ServerResponse } from 'node:http';
import { Simulator, type SimulatedRequest } from '../simulator-testing.ts';
import { mp3Tag, streamedWav, tone, type ToneFormat } from '../sound-files/tone-testing.ts';
import { KOKORO } from './simulated-kokoro.ts';
import { OPENEDAI } from './simulated-openedai.ts';

export interface SpeechRequest {
  readonly model: string;
  readonly input: string;
  readonly voice: string;
  readonly response_format: ToneFormat;
  readonly speed: number;
  readonly stream: boolean;
}

/** In what the two differ. */
export interface SimulatedDialect {
  readonly rate: number;
  readonly obeysSpeed: boolean;
  readonly contentTypes: Readonly<Record<ToneFormat, string>>;
  readonly speechHeads: (format: ToneFormat) => Record<string, string>;
  /** Everything but speech; false where there is no such path. */
  readonly answer: (request: SimulatedRequest, server: SpeechServer) => Reply | null;
  /** What is wrong with a request. */
  readonly complaint: (said: Record<string, unknown>, server: SpeechServer) => Reply | null;
  readonly defaults: Omit<SpeechRequest, 'input'>;
}

export interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly heads?: Record<string, string>;
}

export interface SpeechServer {
  readonly simulator: Simulator;
  /** Of what it was asked to say and has said; the newest last, a few. */
  readonly spoken: string[];
  readonly mishaps: {
    /** The program that speaks ends at once: heads without sound. */
    isVoiceDead: boolean;
    isOutOfMemory: boolean;
    isModelGone: boolean;
    /** Whole seconds of silence instead of speech. */
    isMute: boolean;
    /** Each answer is this much longer. */
    excessBytes: number;
    /** Before each answer. */
    delayMs: number;
  };
  /** Requests that are being spoken or wait for it. */
  busy(): number;
  /** Resolves when it is at work. */
  whenBusy(): Promise<void>;
  isLoaded: boolean;
}

const CHARACTERS_PER_SECOND = 14;
const SPOKEN_KEPT = 50;
/** As long as a group of sentences, which the real one speaks in one go. */
const GROUP_SENTENCES = 12;
/** What makes the recorded engine stumble. */
const STUMBLE = /BOOM/;

export async function startSpeechServer(
  dialectName: 'kokoro' | 'openedai' = 'kokoro',
): Promise<SpeechServer> {
  const dialect = dialectName === 'kokoro' ? KOKORO : OPENEDAI;
  const watchers = new Set<() => void>();
  let busy = 0;
  // One voice: whoever comes later waits.
  let queue: Promise<unknown> = Promise.resolve();

  const simulator = await Simulator.start({
    answer: (request, response) => {
      const isSpeech = request.path === '/v1/audio/speech' && request.method === 'POST';
      if (!isSpeech) return send(response, dialect.answer(request, server) ?? NOT_FOUND);
      return answerSpeech(request, response);
    },
    forget: () => {
      server.isLoaded = false;
    },
  });
  const server: SpeechServer = {
    simulator,
    spoken: [],
    mishaps: {
      isVoiceDead: false,
      isOutOfMemory: false,
      isModelGone: false,
      isMute: false,
      excessBytes: 0,
      delayMs: 0,
    },
    busy: () => busy,
    whenBusy: () =>
      new Promise((resolve) => {
        if (busy > 0) return resolve();
        watchers.add(resolve);
      }),
    isLoaded: false,
  };

  async function answerSpeech(request: SimulatedRequest, response: ServerResponse): Promise<void> {
    const said = parse(request.body);
    if (said === null) return send(response, INVALID_JSON);
    const complaint = dialect.complaint(said, server);
    if (complaint !== null) return send(response, complaint);
    busy += 1;
    for (const watch of watchers) watch();
    watchers.clear();
    const turn = queue.then(() =>
      speak({ ...dialect.defaults, ...said } as SpeechRequest, response),
    );
    queue = turn.catch(() => undefined);
    try {
      await turn;
    } finally {
      busy -= 1;
    }
  }

  async function speak(request: SpeechRequest, response: ServerResponse): Promise<void> {
    const { mishaps } = server;
    if (mishaps.delayMs > 0) await later(mishaps.delayMs, response);
    if (response.destroyed) return;
    if (mishaps.isOutOfMemory) return send(response, OUT_OF_MEMORY);
    server.isLoaded = true;
    server.spoken.push(request.input);
    server.spoken.splice(0, server.spoken.length - SPOKEN_KEPT);
    const heads = dialect.speechHeads(request.response_format);
    const type = { 'content-type': dialect.contentTypes[request.response_format] };
    const file = fileOf(request);
    if (request.stream) {
      response.writeHead(200, { ...heads, ...type });
      response.end(file);
      return;
    }
    if (file.length === 0) return send(response, NOTHING_SPEAKABLE);
    const length = { 'content-length': String(file.length) };
    response.writeHead(200, { ...heads, ...type, ...length }).end(file);
  }

  function fileOf({ input, response_format: format, speed }: SpeechRequest): Buffer {
    const { mishaps } = server;
    if (mishaps.isVoiceDead)
      return format === 'wav' ? streamedWav(NOTHING, dialect.rate) : mp3Tag();
    const text = groupsOf(input)
      .filter((group) => !STUMBLE.test(group))
      .join(' ');
    if (!/[\p{L}\p{N}]/u.test(text)) return NOTHING;
    const pace = CHARACTERS_PER_SECOND * (dialect.obeysSpeed ? speed : 1);
    const seconds = Math.max(0.3, text.length / pace);
    const file = mishaps.isMute
      ? streamedWav(Buffer.alloc(2 * Math.round(seconds * dialect.rate)), dialect.rate)
      : tone(format, seconds, dialect.rate);
    return mishaps.excessBytes > 0
      ? Buffer.concat([file, Buffer.alloc(mishaps.excessBytes)])
      : file;
  }

  return server;
}

const NOTHING = Buffer.alloc(0);
const NOT_FOUND: Reply = { status: 404, body: { detail: 'Not Found' } };
const OUT_OF_MEMORY: Reply = {
  status: 500,
  body: {
    detail: {
      error: 'processing_error',
      message: 'CUDA out of memory. Tried to allocate 512.00 MiB.',
      type: 'server_error',
    },
  },
};
const NOTHING_SPEAKABLE: Reply = {
  status: 400,
  body: {
    detail: {
      error: 'validation_error',
      message: 'Input contains no speakable text',
      type: 'invalid_request_error',
    },
  },
};
const INVALID_JSON: Reply = {
  status: 422,
  body: {
    detail: [
      {
        type: 'json_invalid',
        loc: ['body', 1],
        msg: 'JSON decode error',
        input: {},
        ctx: { error: 'Expecting property name enclosed in double quotes' },
      },
    ],
  },
};

export function send(response: ServerResponse, { status, body, heads }: Reply): void {
  const isText = typeof body === 'string';
  const bytes = Buffer.from(isText ? body : JSON.stringify(body));
  response
    .writeHead(status, {
      'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json',
      'content-length': String(bytes.length),
      ...heads,
    })
    .end(bytes);
}

function groupsOf(text: string): string[] {
  const sentences = text.match(/[^.!?]+[.!?]*\s*/g) ?? [];
  const groups: string[] = [];
  for (let at = 0; at < sentences.length; at += 1) {
    const isNew = at % GROUP_SENTENCES === 0 || STUMBLE.test(sentences[at]!);
    if (isNew) groups.push(sentences[at]!);
    else groups[groups.length - 1] += sentences[at]!;
  }
  return groups;
}

function parse(body: Buffer): Record<string, unknown> | null {
  try {
    return JSON.parse(body.toString('utf8')) as Record<string, unknown>;
  } catch {
    return null;
  }
}

/** Real time: a server that is slow is slow for everybody. Ends early when the client hangs up. */
function later(delayMs: number, response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, delayMs);
    response.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
