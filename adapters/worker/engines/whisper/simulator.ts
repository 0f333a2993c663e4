// whisper.cpp's server at the level of its wire: one lock, few threads, one model, and its traps. Built from the
// recorded transcripts, which it reproduces (`replay.test.ts`).
import type { ServerResponse } from 'node:http';
import { setImmediate as breathe } from 'node:timers/promises';
import { Simulator, type SimulatedRequest } from '../simulator-testing.ts';
import { formatted } from './simulated-answer.ts';
import { formOf, type Form } from './simulated-form.ts';
import { Gate } from './simulated-gate.ts';
import { Line } from './simulated-line.ts';
import { hear, type Heard } from './simulated-speech.ts';

export interface WhisperCppOptions {
  /** Files that are models, as the server sees them; it is started with the first. */
  readonly models?: readonly string[];
  /** Files that are there and are no models: loading one ends the process. */
  readonly garbage?: readonly string[];
  readonly inferencePath?: string;
  /** How long a second of sound takes it. */
  readonly msPerSecond?: number;
}

/** Requests it can have in its hands at once, those that wait at the lock included. */
const THREADS = 8;
const NUMBERS = ['temperature', 'temperature_inc', 'beam_size'];
/** Fields of questions that are kept to be looked at. */
const QUESTIONS_KEPT = 100;

export class WhisperCppSimulator {
  readonly server: Simulator;
  /** The text fields of each question, oldest first. */
  readonly questions: Record<string, string>[] = [];
  /** In the middle of each inference. */
  readonly gate = new Gate();
  /** The model that it holds. */
  model: string;
  /** The next inference ends with an engine failure. */
  isFailing = false;
  /** What the next inference answers instead of what it heard. */
  nextAnswer: string | null = null;
  /** Files on the server's disk. */
  readonly files: Set<string>;
  readonly #launchModel: string;
  readonly #options: WhisperCppOptions;
  readonly #threads = new Line(THREADS);
  readonly #lock = new Line(1);
  #isLoading = false;

  private constructor(options: WhisperCppOptions) {
    this.#options = options;
    const { models = ['/models/ggml-small.bin'], garbage = [] } = options;
    this.files = new Set([...models, ...garbage]);
    this.#launchModel = models[0]!;
    this.model = this.#launchModel;
    this.server = new Simulator({
      answer: (request, response) => this.#answer(request, response),
      forget: () => {
        this.model = this.#launchModel;
        this.#isLoading = false;
      },
    });
  }

  static async start(options: WhisperCppOptions = {}): Promise<WhisperCppSimulator> {
    const simulator = new WhisperCppSimulator(options);
    await simulator.server.restart();
    return simulator;
  }

  get url(): string {
    return this.server.url;
  }

  /** Requests at the lock, and the one that has it. */
  get underWay(): number {
    return this.#lock.length;
  }

  /** Resolves when so many requests, and no more, are in its hands or wait to be. */
  async has(count: number): Promise<void> {
    while (this.#threads.length !== count) await breathe();
  }

  close(): Promise<void> {
    this.gate.open();
    return this.server.close();
  }

  async #answer(request: SimulatedRequest, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const leave = await this.#threads.enter(gone.signal);
    if (!leave) return;
    try {
      await this.#route(request, response, gone.signal);
    } finally {
      leave();
    }
  }

  async #route(
    request: SimulatedRequest,
    response: ServerResponse,
    gone: AbortSignal,
  ): Promise<void> {
    const { inferencePath = '/inference' } = this.#options;
    const route = `${request.method} ${request.path}`;
    if (route === 'GET /health') return this.#health(request, response);
    if (route === 'GET /') return send(response, 200, 'text/html', '<html>whisper.cpp</html>');
    if (route === `POST ${inferencePath}` || route === 'POST /load') {
      const leave = await this.#lock.enter(gone);
      if (!leave) return;
      try {
        const form = formOf(request);
        if (request.path === '/load') await this.#load(form, response);
        else await this.#infer(form, response, gone);
      } finally {
        leave();
      }
      return;
    }
    notFound(request, response);
  }

  #health(request: SimulatedRequest, response: ServerResponse): void {
    // Meant to be 503 "loading model"; the server's own error handler makes this of it.
    if (this.#isLoading) return notFound(request, response);
    send(response, 200, 'application/json', JSON.stringify({ status: 'ok' }));
  }

  async #load(form: Form | null, response: ServerResponse): Promise<void> {
    // Never taken back when the request is refused.
    this.#isLoading = true;
    const path = form?.fields['model'];
    const { garbage = [] } = this.#options;
    if (path === undefined || !this.files.has(path)) return refuse(response);
    if (garbage.includes(path)) return this.server.kill();
    this.model = path;
    this.#isLoading = false;
    send(response, 200, 'application/text', 'Load was successful!');
  }

  async #infer(form: Form | null, response: ServerResponse, gone: AbortSignal): Promise<void> {
    if (!form?.file) return refuse(response);
    const { fields, file } = form;
    this.questions.push(fields);
    if (this.questions.length > QUESTIONS_KEPT) this.questions.shift();
    if (NUMBERS.some((name) => Number.isNaN(Number(fields[name] ?? 0))))
      return send(response, 500, 'text/plain', '500 Internal Server Error\nstof');
    const heard = hear(file);
    if (!heard) return refuse(response);
    await this.#work(heard, gone);
    if (gone.aborted) return;
    if (this.isFailing) {
      this.isFailing = false;
      return send(response, 500, 'application/json', '{"error":"failed to process audio"}');
    }
    const { type, body } = formatted(heard, fields);
    send(response, 200, type, this.nextAnswer ?? body);
    this.nextAnswer = null;
  }

  /** Ends at once when nobody waits for it any more. */
  async #work({ seconds }: Heard, gone: AbortSignal): Promise<void> {
    const { msPerSecond = 0 } = this.#options;
    if (gone.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    gone.addEventListener('abort', () => resolve(), { once: true });
    const timer = setTimeout(resolve, seconds * msPerSecond);
    const opened = this.gate.pass();
    if (opened) {
      clearTimeout(timer);
      void opened.then(resolve);
    }
    await promise;
    clearTimeout(timer);
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  const head = {
    'content-type': type,
    server: 'whisper.cpp',
    'content-length': Buffer.byteLength(body),
    'access-control-allow-origin': '*',
    'access-control-allow-headers': 'content-type, authorization',
  };
  response.writeHead(status, head).end(body);
}

const refuse = (response: ServerResponse) => send(response, 400, 'text/plain', 'Invalid request');
const notFound = ({ path }: SimulatedRequest, response: ServerResponse) =>
  send(response, 404, 'text/plain', `File Not Found (${path})`);
