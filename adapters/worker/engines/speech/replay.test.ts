// What the real servers were asked and how they answered, put to the simulated ones. Sizes and times differ: the
// voices are not the same.
import { join } from 'node:path';
import { expect } from 'vitest';
import { describeReplays, shapeOf, type Line } from '../transcript-testing.ts';
import { startSpeechServer, type SpeechServer } from './simulator.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Long texts are recorded by their beginning and their length. */
const SHORTENED = /^(.*)…\[(\d+) chars\]$/s;
const STUMBLE = 'BOOM.';

describeReplays(join(import.meta.dirname, 'transcripts'), {
  'audio-01-kokoro-fastapi.jsonl': (lines) => replay('kokoro', lines),
  'audio-02-openedai-speech.jsonl': (lines) => replay('openedai', lines),
  'audio-03-failures-after-the-head.jsonl': (lines) => replay('kokoro', lines),
  'audio-04-openedai-backend-dies.jsonl': (lines) =>
    replay('openedai', lines, (server) => (server.mishaps.isVoiceDead = true)),
});

async function replay(
  dialect: 'kokoro' | 'openedai',
  lines: readonly Line[],
  arrange: (server: SpeechServer) => void = () => {},
): Promise<void> {
  const server = await startSpeechServer(dialect);
  arrange(server);
  let note = '';
  let question: Line | null = null;
  try {
    for (const line of lines) {
      if (line.kind === 'note') {
        note = String(line['text']);
        // Recorded as a note: somebody hangs up, and the next is served at once.
        if (/client closes after/.test(note)) question = await hangUp(server, question!);
        if (/^request \d: HTTP 200/.test(note)) await ask(server, ANY);
      }
      if (line.kind === 'http>') question = line;
      if (line.kind !== 'http<') continue;
      const asked =
        question ?? ({ method: 'POST', path: line['path'], body: {} } as unknown as Line);
      await compare(await ask(server, asked, note), line, note);
      question = null;
    }
  } finally {
    await server.simulator.close();
  }
}

const ANY = {
  method: 'POST',
  path: '/v1/audio/speech',
  body: { model: 'kokoro', input: 'Hi.', voice: 'af_heart' },
} as unknown as Line;

async function ask(
  server: SpeechServer,
  { method, path, body }: Line,
  note = '',
): Promise<Response> {
  const said =
    typeof body === 'string' ? body : JSON.stringify(restore(body as Fields | null, note));
  return fetch(`${server.simulator.url}${String(path)}`, {
    method: String(method),
    ...(body !== null && { body: said, headers: { 'content-type': 'application/json' } }),
  });
}

/** The text as long as it was, with what made the engine stumble at its end. */
function restore(body: Fields | null, note: string): Fields | null {
  const shortened = SHORTENED.exec(String(body?.['input']));
  if (shortened === null) return body;
  const [, start = '', length] = shortened;
  const end = note.includes('that part is just missing') ? STUMBLE : '';
  const input = start.repeat(20).slice(0, Number(length) - end.length) + end;
  return { ...body, input };
}

async function compare(answer: Response, line: Line, note: string): Promise<void> {
  expect(answer.status, note).toBe(line['status']);
  const heads = headsOf(line);
  for (const [name, value] of Object.entries(heads))
    expect(`${name}: ${answer.headers.get(name)}`, note).toBe(`${name}: ${value}`);
  const bytes = Buffer.from(await answer.arrayBuffer());
  if ('body' in line) return compareBodies(bytes, line['body'], note);
  const recorded = Number(line['bytes']);
  const magic = String(line['magic_hex']);
  // Beyond these come versions and lengths of what encoded it.
  expect(bytes.toString('hex', 0, 4), note).toBe(magic.slice(0, 8));
  if (recorded < 100) expect(bytes.length, note).toBe(recorded);
  else expect(bytes.length, note).toBeGreaterThan(800);
}

/** Lengths and chosen names differ; everything else is as it was. */
function headsOf(line: Line): Record<string, string> {
  const said = (line['headers'] ?? { 'content-type': line['content_type'] }) as Fields;
  const kept = Object.entries(said)
    .map(([name, value]) => [name.toLowerCase(), value as string] as const)
    .filter(([name, value]) => !['content-length', 'x-download-path'].includes(name) && value);
  return Object.fromEntries(kept);
}

function compareBodies(bytes: Buffer, recorded: unknown, note: string): void {
  const text = bytes.toString('utf8');
  if (typeof recorded === 'string') return expect(text, note).toBe(recorded);
  const said: unknown = JSON.parse(text);
  if (JSON.stringify(recorded).includes(' chars]') || note === 'captioned speech')
    return expect(shapeOf(said), note).toEqual(shapeOf(recorded));
  expect(said, note).toEqual(recorded);
}

async function hangUp(server: SpeechServer, question: Line): Promise<null> {
  const stop = new AbortController();
  const { path, body } = question;
  const answer = await fetch(`${server.simulator.url}${String(path)}`, {
    method: 'POST',
    body: JSON.stringify(restore(body as Fields, '')),
    signal: stop.signal,
  });
  await answer.body!.getReader().read();
  stop.abort();
  return null;
}
