// What one process of the simulated server holds in memory: the lock, who waits, the text under way, the counters.
// A reload starts a new one.
import { showable, stopAt, wordsOf, type Request } from './simulator-words.ts';

export interface SimulatedModel {
  /** Behind `koboldcpp/`; `inactive` for none. */
  readonly name: string;
  readonly contextTokens: number;
  /** Besides text. */
  readonly abilities?: readonly ('tts' | 'transcribe' | 'txt2img')[];
  /** What it hears in every recording. */
  readonly hears?: string;
  /** Waiting jobs; one runs besides. */
  readonly waitingMax?: number;
}

export interface Pace {
  /** A prompt, or a part of it: nothing is noticed meanwhile. */
  promptMs: number;
  /** Each word of a text. */
  wordMs: number;
  /** Before the first event of a stream. */
  streamMs: number;
  /** A picture, a speech, a transcription. */
  pieceMs: number;
  abortMs: number;
}

export interface Text {
  readonly request: Request;
  text: string;
  tokens: number;
  /** -2 error, -1 aborted before it began, 0 limit or abort, 1 end, 2 stop sequence. */
  stopReason: number;
  isDone: boolean;
}

const WAITING_MAX = 9;

export class SimulatedProcess {
  model: SimulatedModel;
  startedAt = Date.now();
  readonly counters = { gens: 0, images: 0, speeches: 0, transcriptions: 0 };
  readonly #pace: Pace;
  /** Under way, or the last. */
  last: Text | null = null;
  #finished: Text | null = null;
  /** Of the text that ran last; it stays when the text is done. */
  currentKey = '';
  waiting = 0;
  isBusy = false;
  /** A piece of work that never ends. */
  isStuck = false;
  isDead = false;
  #pendingAbortKey = '';
  #isAborted = false;
  #queue: Promise<void> = Promise.resolve();
  #usedAt = Date.now();

  constructor(model: SimulatedModel, pace: Pace) {
    this.model = model;
    this.#pace = pace;
  }

  get hasText(): boolean {
    return this.model.name !== 'inactive';
  }

  /** One thing at a time, of whatever kind. Null: too many wait already. */
  inTurn(work: () => Promise<void>): Promise<void> | null {
    if (this.waiting >= (this.model.waitingMax ?? WAITING_MAX)) return null;
    if (this.isBusy || this.waiting > 0) this.waiting += 1;
    const hadToWait = this.waiting > 0;
    const turn = this.#queue.then(async () => {
      if (hadToWait) this.waiting -= 1;
      if (this.isDead) return;
      this.isBusy = true;
      this.#usedAt = Date.now();
      await work().finally(() => {
        this.isBusy = false;
      });
    });
    if (!hadToWait) this.isBusy = true;
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  begin(request: Request): Text {
    const text: Text = { request, text: '', tokens: 0, stopReason: 0, isDone: false };
    this.currentKey = request.genkey;
    this.counters.gens += 1;
    this.#isAborted = false;
    if (!this.hasText) return Object.assign(text, { stopReason: -2, isDone: true });
    if (this.#pendingAbortKey !== '' && this.#pendingAbortKey === request.genkey) {
      this.#pendingAbortKey = '';
      return Object.assign(text, { stopReason: -1, isDone: true });
    }
    if (request.maxTokens === 0) return Object.assign(text, { stopReason: -1, isDone: true });
    this.last = text;
    return text;
  }

  /** Writes until its end; the text shows what is there so far. */
  async write(text: Text): Promise<void> {
    if (text.isDone) return;
    let all = '';
    let hasEnded = true;
    await this.rest(this.#pace.promptMs);
    for (const word of wordsOf(text.request)) {
      await this.rest(this.#pace.wordMs);
      if (this.#isAborted || this.isDead) {
        hasEnded = false;
        break;
      }
      all += word;
      text.tokens += 1;
      const cut = stopAt(all, text.request.stops);
      if (cut >= 0) {
        text.text = all.slice(0, cut);
        text.stopReason = 2;
        return this.#finish(text);
      }
      text.text = all.slice(0, showable(all, text.request.stops));
    }
    text.text = all;
    if (hasEnded && text.tokens < text.request.maxTokens) text.stopReason = 1;
    this.#finish(text);
  }

  #finish(text: Text): void {
    text.isDone = true;
    this.#finished = text;
    this.#usedAt = Date.now();
  }

  abort(): void {
    this.#isAborted = true;
  }

  /** The table of answers that the real one gives. */
  abortBy(genkey: string): { success: string; done: string } {
    if (genkey === '' ? this.waiting === 0 : genkey === this.currentKey) {
      this.abort();
      return { success: 'true', done: 'true' };
    }
    if (genkey === '' || this.waiting === 0) return { success: 'false', done: 'false' };
    // One key is remembered, and nobody looks whether it waits.
    this.#pendingAbortKey = genkey;
    return { success: 'true', done: 'false' };
  }

  checkBy(genkey: string): string {
    const isOurs = genkey === this.currentKey && (genkey !== '' || this.waiting === 0);
    return isOurs ? (this.last?.text ?? '') : '';
  }

  /** A picture, a speech, a transcription; stuck until the process ends. */
  async piece(): Promise<void> {
    await this.rest(this.#pace.pieceMs);
    while (this.isStuck && !this.isDead) await this.rest(5);
  }

  rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (ms === 0) setImmediate(resolve);
      else setTimeout(resolve, ms);
    });
  }

  perf(): object {
    const { counters } = this;
    const last = this.#finished;
    return {
      last_process: 14.5,
      last_eval: 11.5,
      last_token_count: last?.tokens ?? 0,
      last_input_count: last?.request.promptTokens ?? 0,
      last_process_time: 0.2,
      last_eval_time: 0.1,
      last_process_speed: 70.5,
      last_eval_speed: 80.5,
      last_seed: last?.request.seed ?? -1,
      last_draft_success: 0,
      last_draft_failed: 0,
      total_gens: counters.gens,
      stop_reason: last?.stopReason ?? -1,
      total_img_gens: counters.images,
      total_tts_gens: counters.speeches,
      total_transcribe_gens: counters.transcriptions,
      queue: this.waiting,
      idle: this.isBusy ? 0 : 1,
      hordeexitcounter: -1,
      uptime: (Date.now() - this.startedAt) / 1000,
      idletime: (Date.now() - this.#usedAt) / 1000,
      quiet: false,
    };
  }
}
