// Plays a recorded conversation again, with everything that was under way at once: an answer belongs to the
// question that was put `ms` before it.
import { expect } from 'vitest';
import { shapeOf, type Line } from '../transcript-testing.ts';
import type { KoboldSimulator } from './simulator.ts';

export interface Asked {
  readonly tMs: number;
  readonly drop: () => void;
  readonly response: Promise<Response>;
  reader?: AsyncIterator<string>;
  readonly events: string[];
}

export interface Play {
  readonly simulator: KoboldSimulator;
  ask(method: string, path: string, body?: unknown, more?: Partial<Line>): Promise<Asked>;
  /** The question that is still open and was put last. */
  lastAsked(): Asked;
  perf(): Promise<Record<string, number>>;
  /** Asks again until it is so. */
  until(isSo: () => Promise<boolean>): Promise<void>;
}

/** What the notes of a transcript say was done or seen. */
export type Deeds = Readonly<Record<string, (play: Play, line: Line) => Promise<void> | void>>;

export async function play(
  lines: readonly Line[],
  simulator: KoboldSimulator,
  deeds: Deeds = {},
): Promise<void> {
  const open: Asked[] = [];
  const performed = new Set<string>();
  const stage = stageOf(simulator, open);
  for (const line of lines) {
    const { kind } = line;
    const tOf = () => line.t_ms - (line['ms'] as number);
    if (kind === 'http>') {
      const body = line['body'] === null ? undefined : unabridged(line['body']);
      await stage.ask(line['method'] as string, line['path'] as string, body, line);
    } else if (kind === 'http<') await compare(line, take(open, tOf()));
    else if (kind === 'http<head') await compareHead(line, nearest(open, tOf()));
    else if (kind === 'sse' && line['n'] === 1) await nextEvent(nearest(open, tOf()));
    else if (kind === 'sse-end') await compareEvents(simulator, lines, line, take(open, tOf()));
    else if (kind === 'poll') await expectPoll(stage, line);
    else if (kind === 'note' || kind === 'failed') {
      const text = String(line['text'] ?? `failed ${String(line['what'] ?? '')}`);
      const key = Object.keys(deeds).find((start) => text.startsWith(start));
      if (key === undefined) continue;
      performed.add(key);
      await deeds[key]!(stage, line);
    }
  }
  // A deed that no line asked for tests nothing.
  expect([...performed].sort()).toEqual(Object.keys(deeds).sort());
  for (const { drop } of open) drop();
}

function stageOf(simulator: KoboldSimulator, open: Asked[]): Play {
  const headersOf = (more?: Partial<Line>) =>
    (more?.['headers'] as Record<string, string> | undefined) ?? {};
  const stage: Play = {
    simulator,
    ask: async (method, path, body, more) => {
      const dropping = new AbortController();
      const before = simulator.arrived;
      const response = fetch(simulator.url + path, {
        method,
        signal: dropping.signal,
        headers: { connection: 'close', ...headersOf(more) },
        ...(body !== undefined && { body: body as string | FormData }),
      });
      response.catch(() => undefined);
      const drop = () => dropping.abort();
      const asked: Asked = { tMs: more?.t_ms ?? -1, drop, response, events: [] };
      open.push(asked);
      while (simulator.arrived === before) await new Promise((resolve) => setImmediate(resolve));
      return asked;
    },
    lastAsked: () => open.at(-1)!,
    perf: async () =>
      (await (
        await fetch(`${simulator.url}/api/extra/perf`, { headers: { connection: 'close' } })
      ).json()) as Record<string, number>,
    until: async (isSo) => {
      while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
    },
  };
  return stage;
}

function nearest(open: readonly Asked[], tMs: number): Asked {
  const by = [...open].sort((a, b) => Math.abs(a.tMs - tMs) - Math.abs(b.tMs - tMs));
  return by[0]!;
}

function take(open: Asked[], tMs: number): Asked {
  const asked = nearest(open, tMs);
  open.splice(open.indexOf(asked), 1);
  return asked;
}

const EMPTY_LISTS = /"(?:results|detail|images)"/;

async function compare(line: Line, asked: Asked): Promise<void> {
  const response = await asked.response;
  const text = await response.text();
  expect(response.status).toBe(line['status']);
  expect(response.headers.get('content-type')).toBe(line['content_type']);
  if (line['content_type'] !== 'application/json') return expect(text).toBe(line['body'] ?? '');
  const answer: unknown = JSON.parse(text);
  const recorded = line['body'];
  expect(shapeOf(answer)).toEqual(shapeOf(recorded));
  // Words differ, and what follows from them; verdicts do not.
  expect(verdictOf(answer)).toEqual(verdictOf(recorded));
  if (!EMPTY_LISTS.test(text) && text.length < 60) expect(answer).toEqual(recorded);
}

/** How a text ended and how much it took, where the words do not decide it. */
function verdictOf(answer: unknown): unknown {
  const { results, choices, success, done } = (answer ?? {}) as Record<string, unknown>;
  const [first] = ((results ?? choices) as Record<string, unknown>[] | undefined) ?? [];
  return {
    finish: first?.['finish_reason'],
    prompt: first?.['prompt_tokens'],
    hasWords: first && 'text' in first ? first['text'] !== '' : undefined,
    success,
    done,
  };
}

async function compareHead(line: Line, asked: Asked): Promise<void> {
  const response = await asked.response;
  const recorded = line['headers'] as Record<string, string>;
  expect(response.status).toBe(line['status']);
  for (const name of ['Content-Type', 'X-Accel-Buffering'])
    expect(response.headers.get(name)).toBe(recorded[name]);
}

async function* dataOf(response: Response): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const events = (rest + chunk).split('\n\n');
    rest = events.pop()!;
    yield* events;
  }
}

async function nextEvent(asked: Asked): Promise<boolean> {
  asked.reader ??= dataOf(await asked.response)[Symbol.asyncIterator]();
  // A cut connection ends a stream as a finished one does.
  const next = await asked.reader.next().catch(() => ({ done: true, value: '' }) as const);
  if (!next.done) asked.events.push(next.value);
  return !next.done;
}

async function compareEvents(
  simulator: KoboldSimulator,
  lines: readonly Line[],
  end: Line,
  asked: Asked,
): Promise<void> {
  simulator.release('agony');
  while (await nextEvent(asked));
  const startedAt = end.t_ms - (end['ms'] as number);
  const recorded = lines
    .filter(({ kind, t_ms }) => kind === 'sse' && t_ms >= startedAt && t_ms <= end.t_ms)
    .map((line) => line['raw'] as string);
  const kinds = (events: readonly string[]) => events.map(kindOf).filter(isNew);
  expect(kinds(asked.events)).toEqual(kinds(recorded));
}

/** An event without its words. */
function kindOf(event: string): string {
  const [, name = '', data = ''] = /^(event: .*\n)?data: (.*)$/s.exec(event) ?? [];
  if (data === '[DONE]') return data;
  const value = JSON.parse(data) as { finish_reason?: unknown; choices?: unknown[] };
  const [choice] = (value.choices ?? []) as { finish_reason?: unknown }[];
  return name + JSON.stringify([shapeOf(value), value.finish_reason ?? choice?.finish_reason]);
}

/** How many events the words come in differs from run to run. */
const isNew = (kind: string, index: number, all: readonly string[]) => kind !== all[index - 1];

async function expectPoll({ simulator, until }: Play, line: Line): Promise<void> {
  const seen = async () => {
    try {
      const response = await fetch(simulator.url + (line['path'] as string), {
        headers: { connection: 'close' },
      });
      return `HTTP ${response.status} ${JSON.stringify(await response.json())}`;
    } catch {
      return 'connection refused';
    }
  };
  const expected = String(line['result']).replaceAll(' ', '');
  // The old process answers first, then nobody, then the new one: a stage on where it is not so yet.
  const stage = expected === 'connectionrefused' ? 'agony' : 'gone';
  await until(async () => {
    if ((await seen()).replaceAll(' ', '') === expected) return true;
    simulator.release(stage);
    return false;
  });
}

/** Long bodies were recorded in a few words. */
function unabridged(body: unknown): string | FormData {
  if (body === '33 MB of JSON') return JSON.stringify({ prompt: 'x'.repeat(33 * 1024 * 1024) });
  if (typeof body === 'string' && body.startsWith('multipart')) {
    const form = new FormData();
    const content = body.includes('speech.wav') ? 'RIFF....WAVEfmt ' : '16 bytes of text';
    form.set('file', new Blob([content]), 'speech.wav');
    return form;
  }
  if (typeof body === 'string') return body;
  const fields = { ...(body as Record<string, unknown>) };
  if (String(fields['prompt'] ?? '').includes('…[32000 chars]'))
    fields['prompt'] = 'the day '.repeat(4000);
  if (String(fields['audio_data'] ?? '').length > 100)
    fields['audio_data'] = Buffer.from('RIFF....WAVEfmt ').toString('base64');
  return JSON.stringify(fields);
}
