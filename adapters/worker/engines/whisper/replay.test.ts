// What was recorded of the real whisper.cpp server, asked of its simulator.
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { expect } from 'vitest';
import {
  describeReplays,
  exchangesOf,
  shapeOf,
  type Exchange,
  type Line,
} from '../transcript-testing.ts';
import { media, take } from './recordings-testing.ts';
import { WhisperCppSimulator, type WhisperCppOptions } from './simulator.ts';

const FILES: Readonly<Record<string, () => Uint8Array>> = {
  'two-second.wav': () => media('two-second.wav'),
  'truncated.wav': () => media('truncated.wav'),
  'speech.mp3': () => media('speech.mp3'),
  'speech-16k.wav': () => take(3.44),
  'speech-44k-stereo.wav': () => take(3.44, { rate: 44_100, channels: 2 }),
  'speech.flac': () => Buffer.concat([Buffer.from('fLaC'), Buffer.alloc(9_000, 1)]),
  'speech.ogg': () => Buffer.concat([Buffer.from('OggS'), Buffer.alloc(9_000, 1)]),
  'short.wav': () => take(0.05, { level: 0 }),
  'e.wav': () => Buffer.alloc(0),
  't.wav': () => Buffer.from('this is not audio at all'),
};

/** `multipart file=a.wav response_format=text`, as the transcripts put it. */
function bodyOf({ method, body }: Exchange): RequestInit {
  if (method === 'GET') return {};
  if (typeof body !== 'string') return { body: JSON.stringify(body), headers: JSON_TYPE };
  if (!body.startsWith('multipart'))
    return {
      body: Uint8Array.from(media('two-second.wav')),
      headers: { 'content-type': 'audio/wav' },
    };
  const form = new FormData();
  for (const field of body.split(' ').slice(1)) {
    const [name = '', value = ''] = field.split('=');
    if (name === 'file' && value === '(none)') form.set('other', 'x');
    else if (name === 'file') {
      const bytes = (FILES[value] ?? FILES['two-second.wav']!)();
      form.set('file', new Blob([Uint8Array.from(bytes)]), value);
    } else if (name !== '') form.set(name, value);
  }
  return { body: form };
}
const JSON_TYPE = { 'content-type': 'application/json' };

async function replay(
  lines: readonly Line[],
  options: WhisperCppOptions = {},
): Promise<WhisperCppSimulator> {
  const simulator = await WhisperCppSimulator.start(options);
  for (const exchange of exchangesOf(lines)) {
    const { method, path, status, contentType, answer, note } = exchange;
    const headers = { connection: 'close' };
    const asked = bodyOf(exchange);
    const got = await fetch(simulator.url + path, {
      method,
      ...asked,
      headers: { ...headers, ...(asked.headers as object) },
    });
    const what = `${method} ${path} (${note})`;
    expect([what, got.status, got.headers.get('content-type')]).toEqual([
      what,
      status,
      contentType,
    ]);
    expect(got.headers.get('server')).toBe('whisper.cpp');
    compare(await got.text(), answer, contentType);
  }
  return simulator;
}

function compare(body: string, answer: unknown, contentType: string | null): void {
  if (contentType === 'application/json')
    return expect(formOf(JSON.parse(body))).toEqual(formOf(answer));
  if (typeof answer !== 'string') {
    // Recorded as bytes.
    const { head_hex } = answer as { head_hex: string };
    const head = Buffer.from(head_hex, 'hex').toString();
    return expect(body.slice(0, head.length)).toBe(head);
  }
  // Words are the model's; all that the server itself says is said in the same way.
  const isSpoken = /^(text\/(html|vtt)|application\/x-subrip)/.test(contentType ?? '');
  if (!isSpoken) return expect(body).toBe(answer);
  expect(frameOf(body)).toEqual(frameOf(answer));
}

/** Lines that are no words; times as such. */
const frameOf = (text: string) =>
  text
    .split('\n')
    .map((line) => (line.startsWith(' ') ? 'words' : line.replaceAll(/\d/g, '0')))
    .map((line) => (/[^ -~]/.test(line) ? 'words' : line));

/** The shape of an answer; which languages are probable differs. */
const formOf = (value: unknown) =>
  shapeOf(
    JSON.parse(
      JSON.stringify(value, (key, each: unknown) =>
        key === 'language_probabilities' ? Object.values(each as object)[0] : each,
      ),
    ),
  );

const post = (simulator: WhisperCppSimulator, path: string, fields: Record<string, string>) => {
  const stop = new AbortController();
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  if (path === '/inference')
    form.set('file', new Blob([Uint8Array.from(media('two-second.wav'))]), 'a.wav');
  const headers = { connection: 'close' };
  const answer = fetch(simulator.url + path, {
    method: 'POST',
    body: form,
    headers,
    signal: stop.signal,
  });
  return { answer: answer.then(({ status }) => status), drop: () => stop.abort() };
};

/** One lock: of several, one is answered at a time; one that is dropped leaves it at once. */
async function checkLock(simulator: WhisperCppSimulator): Promise<void> {
  const reached = simulator.gate.shut();
  const first = post(simulator, '/inference', {});
  await reached;
  const second = post(simulator, '/inference', {});
  await simulator.has(2);
  first.drop();
  await expect(first.answer).rejects.toThrow();
  await simulator.has(1);
  simulator.gate.open();
  expect(await second.answer).toBe(200);
  expect(simulator.underWay).toBe(0);
}

const ofKind = (lines: readonly Line[], kind: string) => lines.filter((line) => line.kind === kind);

describeReplays(join(import.meta.dirname, 'transcripts'), {
  'whisper-01-inference.jsonl': async (lines) => {
    const simulator = await replay(lines);
    await checkLock(simulator);
    await simulator.close();
  },

  'whisper-02-load-and-health.jsonl': async (lines) => {
    const models = ['a', 'b'].map((name) => `<models>/whisper-random-${name}.bin`);
    const garbage = '<models>/garbage.gguf';
    const simulator = await replay(lines, { models, garbage: [garbage] });
    const reached = simulator.gate.shut();
    const inference = post(simulator, '/inference', {});
    await reached;
    const load = post(simulator, '/load', { model: models[0]! });
    await simulator.has(2);
    expect(simulator.model).toBe(models[1]);
    simulator.gate.open();
    expect(await inference.answer).toBe(200);
    expect(await load.answer).toBe(200);
    expect(simulator.model).toBe(models[0]);
    expect(ofKind(lines, 'failed')).toHaveLength(2);
    await expect(post(simulator, '/load', { model: garbage }).answer).rejects.toThrow();
    await expect(fetch(`${simulator.url}/health`)).rejects.toThrow();
    await simulator.close();
  },

  'whisper-03-openai-path.jsonl': async (lines) => {
    const simulator = await replay(lines, { inferencePath: '/v1/audio/transcriptions' });
    await simulator.close();
  },

  'whisper-04-raw-formats.txt': async (_lines, file) => {
    const simulator = await WhisperCppSimulator.start();
    const sections = readFileSync(file, 'utf8')
      .split(/^===== /m)
      .slice(1);
    expect(sections).toHaveLength(5);
    for (const section of sections) {
      const [, title = '', head = '', body = ''] = /^(.*)\n([^]*?)\n\n([^]*)$/.exec(section)!;
      const form = new FormData();
      const format = /^response_format=(.*)/.exec(title)?.[1];
      if (format !== undefined) form.set('response_format', format);
      if (format !== undefined)
        form.set('file', new Blob([Uint8Array.from(media('two-second.wav'))]), 'a.wav');
      const got = await raw(simulator.url, form);
      expect(got.status).toBe(head.split('\n')[0]);
      const headers = head.split('\n').slice(1);
      for (const line of headers.filter((each) => !/^(Keep-Alive|Content-Length)/.test(each)))
        expect(got.headers).toContain(line.toLowerCase());
      const said = body.replace(/\n$/, '');
      if (format === 'json')
        expect(shapeOf(JSON.parse(got.body))).toEqual(shapeOf(JSON.parse(said)));
      else expect(frameOf(got.body)).toEqual(frameOf(said));
    }
    await simulator.close();
  },

  'whisper-05-health-starved.jsonl': async (lines) => {
    for (const line of ofKind(lines, 'observed')) {
      const underWay = line['inferences_under_way'] as number;
      const simulator = await WhisperCppSimulator.start();
      const reached = simulator.gate.shut();
      const inferences = Array.from({ length: underWay }, () => post(simulator, '/inference', {}));
      await reached;
      await simulator.has(underWay);
      const health = fetch(`${simulator.url}/health`).then(({ status }) => status);
      const isPrompt = (line['health_ms'] as number) < 100;
      // Starved, it stands in line behind them.
      if (isPrompt) expect(await health).toBe(200);
      else await simulator.has(underWay + 1);
      simulator.gate.open();
      expect(await health).toBe(200);
      await Promise.all(inferences.map(({ answer }) => answer));
      await simulator.close();
    }
  },

  'whisper-06-drop-frees-the-lock.jsonl': async (lines) => {
    expect(ofKind(lines, 'observed')).toHaveLength(7);
    const simulator = await WhisperCppSimulator.start();
    await checkLock(simulator);
    // One that waits and is dropped does not run either.
    const reached = simulator.gate.shut();
    const first = post(simulator, '/inference', {});
    await reached;
    const waiting = post(simulator, '/inference', { beam_size: '8' });
    await simulator.has(2);
    waiting.drop();
    await expect(waiting.answer).rejects.toThrow();
    await simulator.has(1);
    simulator.gate.open();
    expect(await first.answer).toBe(200);
    expect(await post(simulator, '/inference', {}).answer).toBe(200);
    expect(simulator.questions.filter(({ beam_size }) => beam_size === '8')).toEqual([]);
    await simulator.close();
  },
});

async function raw(url: string, form: FormData) {
  const body = new Response(form);
  const bytes = Buffer.from(await body.arrayBuffer());
  const headers = { 'content-type': body.headers.get('content-type')! };
  const { promise, resolve, reject } = Promise.withResolvers<{
    status: string;
    headers: string[];
    body: string;
  }>();
  const call = request(`${url}/inference`, { method: 'POST', headers, agent: false }, (answer) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.on('end', () =>
      resolve({
        status: `HTTP/${answer.httpVersion} ${answer.statusCode} ${answer.statusMessage}`,
        headers: Object.entries(answer.headers).map(([name, value]) =>
          `${name}: ${String(value)}`.toLowerCase(),
        ),
        body: String(Buffer.concat(chunks)),
      }),
    );
  });
  call.once('error', reject);
  call.end(bytes);
  return promise;
}
