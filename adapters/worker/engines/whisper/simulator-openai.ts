// An OpenAI-style server of faster-whisper (speaches), at the level of its wire. Built from its documentation and
// sources; nobody recorded one.
import type { ServerResponse } from 'node:http';
import { Simulator, type SimulatedRequest } from '../simulator-testing.ts';
import { formOf, type Form } from './simulated-form.ts';
import { Gate } from './simulated-gate.ts';
import { hear } from './simulated-speech.ts';

export interface OpenaiOptions {
  readonly models?: readonly string[];
  readonly password?: string;
  /** Servers other than speaches have no /api/ps. */
  readonly isManaged?: boolean;
}

const QUESTIONS_KEPT = 100;

export class OpenaiWhisperSimulator {
  readonly server: Simulator;
  /** Path and text fields of each question, oldest first. */
  readonly questions: { path: string; fields: Readonly<Record<string, string>> }[] = [];
  /** In the middle of each transcription. */
  readonly gate = new Gate();
  /** In memory. */
  readonly loaded = new Set<string>();
  readonly installed: Set<string>;
  /** The next transcription finds no room. */
  isFull = false;
  /** What the next transcription answers instead of what it heard. */
  nextAnswer: string | null = null;
  /** Transcriptions under way; one whose client has gone goes on to its end. */
  busy = 0;
  /** Resolves when an unload was refused because of a job under way. */
  readonly refused: Promise<void>;
  readonly #options: OpenaiOptions;
  readonly #refusal = Promise.withResolvers<void>();

  private constructor(options: OpenaiOptions) {
    this.#options = options;
    this.refused = this.#refusal.promise;
    this.installed = new Set(options.models ?? ['Systran/faster-whisper-small']);
    this.server = new Simulator({
      answer: (request, response) => this.#answer(request, response),
      forget: () => this.loaded.clear(),
    });
  }

  static async start(options: OpenaiOptions = {}): Promise<OpenaiWhisperSimulator> {
    const simulator = new OpenaiWhisperSimulator(options);
    await simulator.server.restart();
    return simulator;
  }

  get url(): string {
    return this.server.url;
  }

  close(): Promise<void> {
    this.gate.open();
    return this.server.close();
  }

  async #answer(request: SimulatedRequest, response: ServerResponse): Promise<void> {
    const { password, isManaged = true } = this.#options;
    const { method, path, headers } = request;
    if (path === '/health') return json(response, 200, { message: 'OK' });
    if (password !== undefined && headers.authorization !== `Bearer ${password}`)
      return json(response, 403, { detail: 'Invalid or missing API key' });
    if (method === 'GET' && path === '/v1/models') return this.#list(response);
    if (isManaged && path.startsWith('/api/ps')) return this.#manage(method, path, response);
    if (method === 'POST' && /^\/v1\/audio\/(transcriptions|translations)$/.test(path))
      return this.#transcribe(path, formOf(request), response);
    json(response, 404, { detail: 'Not Found' });
  }

  #list(response: ServerResponse): void {
    const data = [...this.installed].map((id) => ({
      id,
      created: 1_700_000_000,
      object: 'model',
      owned_by: id.split('/')[0],
      task: 'automatic-speech-recognition',
    }));
    json(response, 200, { data, object: 'list' });
  }

  #manage(method: string, path: string, response: ServerResponse): void {
    const id = decodeURIComponent(path.slice('/api/ps/'.length));
    if (method === 'GET') return json(response, 200, { models: [...this.loaded] });
    if (method === 'POST') {
      if (this.loaded.has(id)) return text(response, 409, 'Model already loaded');
      if (!this.installed.has(id)) return text(response, 404, 'Model not found');
      this.loaded.add(id);
      return text(response, 201, '');
    }
    if (!this.loaded.has(id)) return text(response, 404, 'Model not found');
    if (this.busy > 0) {
      this.#refusal.resolve();
      return text(response, 409, `Model ${id} is currently in use`);
    }
    this.loaded.delete(id);
    text(response, 200, '');
  }

  async #transcribe(path: string, form: Form | null, response: ServerResponse): Promise<void> {
    const model = form?.fields['model'];
    if (!form?.file || model === undefined)
      return json(response, 422, { detail: [{ type: 'missing', loc: ['body', 'model'] }] });
    this.questions.push({ path, fields: form.fields });
    if (this.questions.length > QUESTIONS_KEPT) this.questions.shift();
    if (!this.installed.has(model))
      return json(response, 404, { detail: `Model '${model}' is not installed locally.` });
    const heard = hear(form.file);
    if (!heard) return json(response, 415, { detail: 'Failed to decode audio.' });
    if (this.isFull) {
      this.isFull = false;
      return text(response, 500, 'RuntimeError: CUDA failed with error out of memory');
    }
    this.loaded.add(model);
    this.busy += 1;
    await this.gate.pass();
    this.busy -= 1;
    const given = this.nextAnswer;
    this.nextAnswer = null;
    if (given !== null) return text(response, 200, given);
    const { language = 'en' } = form.fields;
    json(response, 200, {
      task: path.endsWith('translations') ? 'translate' : 'transcribe',
      language,
      duration: heard.seconds,
      text: heard.segments.map((segment) => segment.text.trim()).join(' '),
      words: null,
      segments: heard.segments.map((segment, index) => ({
        id: index + 1,
        seek: 0,
        start: segment.start,
        end: Math.min(segment.end, heard.seconds),
        text: segment.text,
        tokens: [1, 2],
        temperature: 0,
        avg_logprob: -0.2,
        compression_ratio: 1.1,
        no_speech_prob: 0.01,
      })),
    });
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function text(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(body);
}
