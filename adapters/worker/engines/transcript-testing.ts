// What was recorded between a client and a real engine's server, line by line (JSON Lines; `t_ms` since the
// start). A folder's `replay.test.ts` plays each of its transcripts against its simulator: the same questions
// must get the same answers, or at least answers of the same shape.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** `kind` says what the line is: `http>`, `http<`, `ws>`, `ws<`, `sse`, `note`, and others of their own. */
export type Line = { readonly t_ms: number; readonly kind: string } & Readonly<
  Record<string, unknown>
>;

export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly status: number;
  readonly contentType: string | null;
  readonly answer: unknown;
  /** What was noted before it. */
  readonly note: string | null;
}

export const linesOf = (file: string): readonly Line[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as Line);

/** Questions with their answers, where answers come in the order of the questions. */
export function exchangesOf(lines: readonly Line[]): readonly Exchange[] {
  const asked: { line: Line; note: string | null }[] = [];
  const exchanges: Exchange[] = [];
  let note: string | null = null;
  for (const line of lines) {
    if (line.kind === 'note') note = line['text'] as string;
    if (line.kind === 'http>') asked.push({ line, note });
    // No answer came: the line broke, or whoever asked hung up.
    if (line.kind === 'failed') asked.shift();
    if (line.kind !== 'http<') continue;
    const question = asked.shift();
    if (!question) throw new Error(`An answer at ${line.t_ms} ms without a question.`);
    exchanges.push({
      method: question.line['method'] as string,
      path: question.line['path'] as string,
      body: question.line['body'],
      status: line['status'] as number,
      contentType: (line['content_type'] as string | undefined) ?? null,
      answer: line['body'],
      note: question.note,
    });
  }
  return exchanges;
}

export type Replays = Readonly<
  Record<string, (lines: readonly Line[], file: string) => Promise<void>>
>;

/** A test per transcript of the folder. One that nobody replays fails, and so does a replay without transcript. */
export function describeReplays(folder: string, replays: Replays): void {
  describe(`transcripts in ${basename(join(folder, '..'))}`, () => {
    const files = readdirSync(folder);
    it('are all replayed', () => {
      expect(Object.keys(replays).sort()).toEqual([...files].sort());
    });
    for (const name of files)
      it(`${name} is reproduced`, async () => {
        const file = join(folder, name);
        await replays[name]!(name.endsWith('.jsonl') ? linesOf(file) : [], file);
      });
  });
}

/**
 * The same keys with values of the same type, all the way down; arrays are compared by their first members. Ids,
 * times, sizes and words differ from run to run, the shape does not.
 */
export function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, each]) => [key, shapeOf(each)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
