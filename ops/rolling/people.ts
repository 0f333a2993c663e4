// Who works with the house during a deploy. A customer uses the typed client, as the site and the bots do;
// the stranger sends plain requests and tries nothing twice.
import { setTimeout as delay } from 'node:timers/promises';
import { createClient, newIdempotencyKey } from '../../adapters/client/http.ts';
import { LiveStream, streamUrl } from '../../adapters/client/live.ts';
import { MODEL } from './slow-engine.ts';

/** Asks for one job after the other until told to stop; follows each to its end, and takes the result. */
export class Customer {
  readonly problems: string[] = [];
  readonly finished = new Map<string, string>();
  readonly #client: ReturnType<typeof createClient>;
  readonly #stream: LiveStream;
  readonly #ended = new Map<string, (state: string) => void>();

  constructor(url: string, key: string) {
    this.#client = createClient({ baseUrl: url, key });
    this.#stream = new LiveStream({
      url: streamUrl(url),
      key,
      after: 0,
      onJob: ({ id, state }) => {
        if (state === 'queued' || state === 'running') return;
        this.#ended.get(id)?.(state);
        this.#ended.set(id, () => this.problems.push(`${id} ended twice`));
      },
      onProblem: (problem) => void this.problems.push(`stream: ${problem.message}`),
      onJobFailed: (error) => void this.problems.push(`stream: ${String(error)}`),
    });
  }

  /** @param name makes the customer's prompts their own */
  async work(name: string, isOver: () => boolean): Promise<void> {
    for (let n = 1; !isOver(); n++) {
      const prompt = `A line by ${name}, number ${n}`;
      try {
        const request = { modality: 'text', model: MODEL, prompt } as const;
        const { id } = await this.#client.createJob(request);
        const state = await this.#end(id);
        const response = await this.#client.output(`/v1/jobs/${id}/outputs/0`);
        this.finished.set(id, `${state}: ${await response.text()}`);
        if (this.finished.get(id) !== `succeeded: ${prompt}, as was asked for`)
          this.problems.push(`${id} is ${this.finished.get(id)}`);
      } catch (error) {
        this.problems.push(String(error));
      }
    }
  }

  #end(id: string): Promise<string> {
    return new Promise((resolve) => {
      // The stream may have been quicker than the answer: then the end was noted there.
      if (this.#ended.has(id)) resolve(this.#client.job(id).then(({ state }) => state));
      this.#ended.set(id, resolve);
    });
  }

  close(): void {
    this.#stream.close();
  }
}

/** Looks and asks through the front with plain requests; remembers every answer that is the house's fault. */
export class Stranger {
  readonly faults: string[] = [];
  answers = 0;
  readonly jobs: string[] = [];

  async look(url: string, key: string, isOver: () => boolean): Promise<void> {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ modality: 'text', model: MODEL, prompt: 'from a stranger' });
    while (!isOver()) {
      await this.#note(fetch(`${url}/v1/status`, { headers }));
      await this.#note(fetch(`${url}/v1/account`, { headers }));
      if (this.answers % 20 === 0) {
        const keyed = { ...headers, 'idempotency-key': newIdempotencyKey() };
        const response = await this.#note(
          fetch(`${url}/v1/jobs`, { method: 'POST', headers: keyed, body }),
        );
        if (response?.status === 202)
          this.jobs.push(((await response.json()) as { id: string }).id);
      }
      await delay(10);
    }
  }

  async #note(asked: Promise<Response>): Promise<Response | null> {
    // A connection that is cut is the network's business: programs open another one.
    const response = await asked.catch(() => null);
    if (!response) return null;
    this.answers += 1;
    if (response.status >= 500) this.faults.push(`${response.status} ${await response.text()}`);
    return response;
  }
}
