// What went wrong, as one error class. Its message is a sentence a person can read; its `code` is
// what programs decide on.
import type { Problem } from '../../machines/contract/views.ts';

const KNOWN = new Set(['type', 'title', 'status', 'code', 'detail', 'request_id', 'errors']);

export class TesseraProblem extends Error {
  /** Stable word for programs, such as `insufficient_tokens`. */
  readonly code: string;
  /** HTTP status; 0 when no answer came at all. */
  readonly status: number;
  readonly detail: string;
  readonly requestId: string | null;
  /** Where a request body is wrong. */
  readonly errors: readonly { readonly at: string; readonly reason: string }[];
  /** Extension fields, which depend on the code: `resets_at`, `retry_after_s` and the like. */
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(problem: Problem, options?: ErrorOptions) {
    super(problem.detail || problem.title, options);
    this.name = 'TesseraProblem';
    this.code = problem.code;
    this.status = problem.status;
    this.detail = problem.detail || problem.title;
    this.requestId = problem.request_id ?? null;
    this.errors = problem.errors ?? [];
    this.fields = Object.fromEntries(Object.entries(problem).filter(([key]) => !KNOWN.has(key)));
  }
}

/** A problem that this side noticed: nothing was answered, or something that is not Tessera. */
export const localProblem = (code: string, detail: string, status = 0, cause?: unknown) =>
  new TesseraProblem(
    { type: 'about:blank', title: detail, status, code, detail },
    cause === undefined ? undefined : { cause },
  );

/** Reads a refusal. A proxy in between may answer in its own format, so nothing is taken for granted. */
export async function problemOf(response: Response): Promise<TesseraProblem> {
  const text = await response.text().catch(() => '');
  const body = parseObject(text);
  if (typeof body?.['code'] !== 'string' || typeof body['detail'] !== 'string') {
    const detail = `The server answered ${response.status} without saying why. Try again later.`;
    return localProblem(`http_${response.status}`, detail, response.status);
  }
  return new TesseraProblem({
    ...body,
    type: typeof body['type'] === 'string' ? body['type'] : 'about:blank',
    title: typeof body['title'] === 'string' ? body['title'] : body['detail'],
    status: response.status,
    code: body['code'],
    detail: body['detail'],
  });
}

export function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
