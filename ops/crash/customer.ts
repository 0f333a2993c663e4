// One person with a program of their own: asks for jobs, doubts, asks again under the same key, cancels,
// looks, and follows the stream. Everything that is seen is written down.
import { setTimeout as delay } from 'node:timers/promises';
import { createClient, type TesseraClient } from '../../adapters/client/http.ts';
import { LiveStream, streamUrl } from '../../adapters/client/live.ts';
import { TesseraProblem } from '../../adapters/client/problem.ts';
import type { JobRequestInput } from '../../machines/contract/requests.ts';
import type { Dice } from './dice.ts';
import { MODELS } from './fast-engine.ts';
import { TERMINAL, type History } from './history.ts';

export interface CustomerOptions {
  readonly account: string;
  readonly key: string;
  readonly chance: Dice;
  readonly history: History;
  /** Addresses of the runtimes; any of them must do. */
  readonly runtimes: readonly string[];
  /** What stands in front of them; the stream is followed there. */
  readonly front: string;
  readonly openMax: number;
  /** A refusal that nobody should get. */
  readonly onUnexpected: (sentence: string) => void;
}

const ANSWER_WITHIN_MS = 4_000;
const LOOK_EVERY_MS = 2_000;
const STREAM_WAIT_MS_MAX = 1_000;
const CROWD = 20;

/** How often what is asked for; the rest is plain. See `fast-engine.ts`. */
const PROMPTS: readonly [probability: number, prompt: string][] = [
  [0.01, 'large'],
  [0.03, 'break 1'],
  [0.01, 'break 3'],
  [0.02, 'wrong'],
  [0.02, 'endless'],
];

export class Customer {
  readonly #options: CustomerOptions;
  readonly #client: TesseraClient;
  readonly #stream: LiveStream;
  /** Promised and not yet seen to end. */
  readonly #open = new Set<string>();
  readonly #work = new Set<Promise<void>>();
  #isAsking = true;
  #isBroke = false;
  #asked = 0;
  /** Not answered yet. */
  #asking = 0;

  constructor(options: CustomerOptions) {
    this.#options = options;
    const { key, account, history, front } = options;
    this.#client = this.#clientWithin(ANSWER_WITHIN_MS);
    this.#stream = new LiveStream({
      ...{ url: streamUrl(front), key, after: 0 },
      onJob: ({ id, state }, seq) => {
        history.note({ what: 'state', account, job: id, state, seq });
        if (TERMINAL.has(state)) this.#open.delete(id);
      },
      onJobFailed: (error) => this.#unexpected(`the subscriber failed: ${String(error)}`),
      onProblem: ({ status, code }) => {
        if (!isDoubt(status)) this.#unexpected(`the stream was refused: ${status} ${code}`);
      },
      surroundings: { later },
    });
    this.#begin(this.#ask());
    this.#begin(this.#lookAround());
  }

  /** Tokens are used up: somebody else must come. */
  get isBroke(): boolean {
    return this.#isBroke;
  }

  get openJobs(): readonly string[] {
    return [...this.#open];
  }

  get lastSeq(): number {
    return this.#stream.lastSeq;
  }

  /** Nothing new is asked for; resolves when every question has been answered. */
  async finish(): Promise<void> {
    this.#isAsking = false;
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  leave(): void {
    this.#stream.close();
  }

  /** The typed client; each of its tries goes to a runtime drawn anew. */
  #clientWithin(patienceMs: number): TesseraClient {
    const { key, runtimes, chance } = this.#options;
    const fetchAnywhere = (path: string, init: RequestInit): Promise<Response> => {
      const limits = [AbortSignal.timeout(patienceMs), ...(init.signal ? [init.signal] : [])];
      return fetch(chance.pick(runtimes) + path.slice(ORIGIN.length), {
        ...{ ...init, signal: AbortSignal.any(limits) },
      });
    };
    const surroundings = { fetch: fetchAnywhere };
    return createClient({ baseUrl: ORIGIN, key, surroundings });
  }

  async #ask(): Promise<void> {
    const { chance, openMax } = this.#options;
    while (this.#isAsking && !this.#isBroke) {
      if (this.#open.size + this.#asking < openMax) {
        this.#asking += 1;
        this.#begin(this.#oneJob().finally(() => (this.#asking -= 1)));
      }
      if (chance.chance(0.005)) this.#stream.reconnect();
      await delay(chance.whole(5, 60));
    }
  }

  #begin(work: Promise<void>): void {
    const kept: Promise<void> = work
      .catch((error: unknown) => this.#unexpected(`a customer stumbled: ${String(error)}`))
      .finally(() => this.#work.delete(kept));
    this.#work.add(kept);
  }

  async #oneJob(): Promise<void> {
    const { chance } = this.#options;
    const key = `${this.#options.account}-${this.#asked++}`;
    const request = this.#request();
    if (chance.chance(0.1)) await this.#hangUpEarly(request, key);
    const times = chance.chance(0.02) ? CROWD : 1;
    const jobs = await Promise.all(
      Array.from({ length: times }, () => this.#untilAnswered(request, key)),
    );
    const [job = null] = jobs;
    if (job === null) return;
    if (chance.chance(0.1)) {
      await delay(chance.whole(0, 300));
      await this.#cancel(job);
    }
    // The same key, long after: the same job.
    if (chance.chance(0.05)) await this.#untilAnswered(request, key);
  }

  #request(): JobRequestInput {
    const { chance } = this.#options;
    let drawn = chance.next();
    const [, kind] = PROMPTS.find(([probability]) => (drawn -= probability) < 0) ?? [1, 'plain'];
    const params = { max_tokens: 1, seed: 1 };
    const model = chance.chance(0.8) ? MODELS[0] : MODELS[1];
    const deadline_s = kind === 'endless' ? 5 : 3600;
    return { modality: 'text', model, prompt: `${kind} ${this.#asked}`, params, deadline_s };
  }

  /** Gone before the answer: whether there is a job now, only the key can tell. */
  async #hangUpEarly(request: JobRequestInput, key: string): Promise<void> {
    const { account, chance, history } = this.#options;
    const impatient = this.#clientWithin(chance.whole(1, 30));
    const signal = AbortSignal.timeout(30);
    await impatient
      .createJob(request, { idempotencyKey: key, signal })
      .then(({ id, state }) => this.#acknowledged(key, id, state))
      .catch(() => history.note({ what: 'doubt', account, key, why: 'hung up' }));
  }

  /** @returns the job, or null when it was refused for good */
  async #untilAnswered(request: JobRequestInput, key: string): Promise<string | null> {
    const { account, history } = this.#options;
    for (;;) {
      try {
        const { id, state } = await this.#client.createJob(request, { idempotencyKey: key });
        return this.#acknowledged(key, id, state);
      } catch (error) {
        if (!(error instanceof TesseraProblem)) throw error;
        const { status, code } = error;
        if (isDoubt(status)) {
          history.note({ what: 'doubt', account, key, why: `${status} ${code}` });
          continue;
        }
        history.note({ what: 'refused', account, key, code });
        if (status === 402) this.#isBroke = true;
        else this.#unexpected(`a submit was refused: ${status} ${code} (${error.detail})`);
        return null;
      }
    }
  }

  #acknowledged(key: string, job: string, state: string): string {
    const { account, history } = this.#options;
    history.note({ what: 'acknowledged', account, key, job, state });
    if (!TERMINAL.has(state)) this.#open.add(job);
    return job;
  }

  async #cancel(job: string): Promise<void> {
    const { account, history } = this.#options;
    const view = await this.#client.cancelJob(job).catch((error: unknown) => this.#noView(error));
    if (view) history.note({ what: 'cancelAsked', account, job, state: view.state });
  }

  /** Looks at what is open now and then, because the stream may be slow. */
  async #lookAround(): Promise<void> {
    while (this.#isAsking) {
      await delay(LOOK_EVERY_MS);
      for (const job of this.#open) await this.look(job);
    }
  }

  async look(job: string): Promise<void> {
    const { account, history } = this.#options;
    const view = await this.#client.job(job).catch((error: unknown) => this.#noView(error));
    if (!view) return;
    history.note({ what: 'state', account, job, state: view.state, seq: null });
    if (TERMINAL.has(view.state)) this.#open.delete(job);
  }

  /** A promised job must be found by whoever answers at all. */
  #noView(error: unknown): null {
    if (!(error instanceof TesseraProblem)) throw error;
    const { status, code } = error;
    if (!isDoubt(status)) this.#unexpected(`a promised job was answered with ${status} ${code}`);
    return null;
  }

  #unexpected(sentence: string): void {
    this.#options.onUnexpected(`${this.#options.account}: ${sentence}`);
  }
}

/** No answer, or one that asks for patience. A 500 does not: nothing here may break a runtime's program. */
const isDoubt = (status: number): boolean => status === 0 || status === 429 || status > 500;

const ORIGIN = 'http://runtime.invalid';

function later(ms: number, task: () => void): () => void {
  const timer = setTimeout(task, Math.min(ms, STREAM_WAIT_MS_MAX));
  return () => clearTimeout(timer);
}
