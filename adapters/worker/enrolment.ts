// A worker's first word to a runtime: it brings the token that an operator made, and gets a key of its own.
import { problem, workerKeyView, type WorkerKeyView } from '../../machines/contract/views.ts';

export interface EnrolmentOptions {
  /** Where the runtime listens, as `http://host:port`. */
  readonly url: string;
  readonly token: string;
  /** How the worker calls itself; what the operator said with the token wins. */
  readonly name: string;
  readonly fetch?: typeof fetch;
}

/** Its message says what to do. */
export class EnrolmentFailed extends Error {
  override readonly name = 'EnrolmentFailed';
}

const ANSWER_WITHIN_MS = 20_000;

/**
 * Asked once, never again by itself: the token may have been spent although no answer came.
 * @throws EnrolmentFailed
 */
export async function enrol(options: EnrolmentOptions): Promise<WorkerKeyView> {
  const { url, token, name } = options;
  const send = options.fetch ?? fetch;
  const address = `${url.replace(/\/+$/, '')}/v1/workers/enrol`;
  let status: number;
  let answer: unknown;
  try {
    const response = await send(address, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token, name }),
      // The token is for this address and for no other.
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    status = response.status;
    answer = await response.json();
  } catch (cause) {
    throw new EnrolmentFailed(
      `The runtime at ${url} gave no answer that can be read. Is TESSERA_URL right, and does it run? If the ` +
        'same token is refused as used when you try again, make a new one.',
      { cause },
    );
  }
  const enrolled = workerKeyView.safeParse(answer);
  if (status === 201 && enrolled.success) return enrolled.data;
  const refused = problem.safeParse(answer);
  throw new EnrolmentFailed(
    refused.success
      ? refused.data.detail
      : `The runtime at ${url} answered ${status}, which is no key.`,
  );
}
