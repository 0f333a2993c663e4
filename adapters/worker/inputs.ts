// What a job works on: fetched from the runtime, checked against the blob's name.
import { createHash } from 'node:crypto';
import { EngineFailure } from '../../machines/contract/engine.ts';
import { backoffMs, RETRY_REQUEST } from './backoff.ts';
import { pause, type Seams } from './seams.ts';

export interface InputsOptions {
  readonly url: string;
  readonly key: string;
  readonly job: string;
  readonly inputs: readonly { readonly role: string; readonly blob: string }[];
  readonly seams: Seams;
  readonly signal: AbortSignal;
}

const TRIES_MAX = 5;

export async function fetchInputs(
  options: InputsOptions,
): Promise<{ role: string; bytes: Uint8Array }[]> {
  const fetched: { role: string; bytes: Uint8Array }[] = [];
  for (const [index, { role, blob }] of options.inputs.entries()) {
    fetched.push({ role, bytes: await fetchInput(options, index, blob) });
  }
  return fetched;
}

async function fetchInput(
  options: InputsOptions,
  index: number,
  blob: string,
): Promise<Uint8Array> {
  const { seams, signal } = options;
  const address = `${options.url.replace(/\/+$/, '')}/v1/workers/jobs/${encodeURIComponent(options.job)}/inputs/${index}`;
  for (let failures = 0; ; failures += 1) {
    let problem: unknown;
    try {
      const response = await seams.fetch(address, {
        signal,
        headers: { authorization: `Bearer ${options.key}` },
      });
      const bytes = new Uint8Array(await response.arrayBuffer());
      const hash = createHash('sha256').update(bytes).digest('hex');
      if (response.ok && blob === `sha256:${hash}`) return bytes;
      problem = response.ok ? 'it arrived damaged' : `status ${response.status}`;
    } catch (error) {
      signal.throwIfAborted();
      problem = error;
    }
    if (failures + 1 === TRIES_MAX) {
      throw new EngineFailure(
        'engineError',
        `Input ${index} could not be fetched from the runtime.`,
        { cause: problem },
      );
    }
    await pause(seams.timers, backoffMs(RETRY_REQUEST, failures, seams.random), signal);
  }
}
