// Multipart forms as simulated servers read them.
import type { SimulatedRequest } from '../simulator-testing.ts';

export interface Form {
  readonly fields: Readonly<Record<string, string>>;
  readonly file: Buffer | null;
}

/** Null when it is no multipart form. */
export function formOf({ headers, body }: SimulatedRequest, fileField = 'file'): Form | null {
  const boundary = /^multipart\/form-data;.*boundary="?([^";]+)/.exec(
    headers['content-type'] ?? '',
  )?.[1];
  if (boundary === undefined) return null;
  const fields: Record<string, string> = {};
  let file: Buffer | null = null;
  const mark = Buffer.from(`--${boundary}`);
  for (let from = body.indexOf(mark); from !== -1;) {
    const start = from + mark.length + 2;
    const next = body.indexOf(mark, start);
    const split = body.indexOf('\r\n\r\n', start);
    if (next === -1 || split === -1) break;
    const head = body.toString('utf8', start, split);
    const content = body.subarray(split + 4, next - 2);
    const name = /name="([^"]*)"/.exec(head)?.[1] ?? '';
    if (name === fileField && head.includes('filename=')) file = content;
    else fields[name] = String(content);
    from = next;
  }
  return { fields, file };
}
