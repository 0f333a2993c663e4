// The real server's recorded conversations, with the simulated one.
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { expect } from 'vitest';
import { describeReplays, shapeOf, type Line } from '../transcript-testing.ts';
import { play, type Deeds, type Play } from './replay-testing.ts';
import { KoboldSimulator, type KoboldSimulatorOptions } from './simulator.ts';

const slow = { name: 'tessera-slow', contextTokens: 2048 };
const tiny = { name: 'tessera-tiny', contextTokens: 1024 };
const FILES = {
  'broken-json.kcpps': 'notJson',
  'garbage-model.kcpps': 'missing',
  'missing-model.kcpps': 'missing',
  'slow-multiuser3.kcpps': { ...slow, waitingMax: 2 },
  'tiny-direct.gguf': { name: 'tiny-direct', contextTokens: 12_288 },
  'tiny-whisper.kcpps': { ...tiny, abilities: ['transcribe'], hears: '' },
  'tiny.kcpps': tiny,
} satisfies KoboldSimulatorOptions['files'];

const replay =
  (deeds: Deeds = {}, options: Partial<KoboldSimulatorOptions> = {}) =>
  async (lines: readonly Line[]) => {
    const simulator = await KoboldSimulator.start({ launch: slow, files: FILES, ...options });
    try {
      // The recorded server had written before.
      await post(simulator, text(3));
      await play(lines, simulator, deeds);
    } finally {
      await simulator.close();
    }
  };

const NATIVE = '/api/v1/generate';
const text = (maxLength: number, genkey = '') =>
  JSON.stringify({ prompt: 'Once', max_length: maxLength, ban_eos_token: true, genkey });

const post = (simulator: KoboldSimulator, body: string) =>
  fetch(simulator.url + NATIVE, { method: 'POST', body, headers: { connection: 'close' } });

/** As many at once as were recorded, with the same verdicts. */
const crowd = (count: number, expected: Record<number, number>) => async (stage: Play) => {
  const all = await Promise.all(
    Array.from({ length: count }, () => post(stage.simulator, text(8))),
  );
  const seen: Record<number, number> = {};
  for (const { status } of all) seen[status] = (seen[status] ?? 0) + 1;
  expect(seen).toEqual(expected);
};

const isIdle = async (stage: Play) => {
  const { idle, queue } = await stage.perf();
  return idle === 1 && queue === 0;
};

let gensBefore = 0;
const begin = (maxLength: number) => async (stage: Play) => {
  gensBefore = (await stage.perf())['total_gens']!;
  await stage.ask('POST', NATIVE, text(maxLength));
};
const grewBy = (count: number) => async (stage: Play) => {
  await stage.until(() => isIdle(stage));
  expect((await stage.perf())['total_gens']! - gensBefore).toBe(count);
};

describeReplays(new URL('./transcripts', import.meta.url).pathname, {
  'koboldcpp-01-info.jsonl': replay(),
  'koboldcpp-02-generate.jsonl': replay(),
  'koboldcpp-03-stream.jsonl': replay({
    'nothing more came in 6 s': (stage) => stage.lastAsked().drop(),
  }),
  'koboldcpp-04-abort-and-queue.jsonl': replay({
    'client dropped': async (stage) => {
      stage.lastAsked().drop();
      await stage.until(() => isIdle(stage));
      // To its end, for nobody.
      expect((await stage.perf())['last_token_count']).toBe(150);
    },
    'client closes the connection after 4 events': (stage) => stage.lastAsked().drop(),
    'perf: idle=1': async (stage) => {
      await stage.until(() => isIdle(stage));
      expect((await stage.perf())['last_token_count']).toBeLessThan(300);
    },
    'queue limit: default multiuser limit; 10 requests at once': crowd(10, { 200: 10 }),
  }),
  'koboldcpp-05-reload-and-switch.jsonl': replay(
    {
      'failed plain generate': async (stage) => {
        stage.simulator.release('agony');
        await expect(stage.lastAsked().response).rejects.toThrow();
      },
      'multiuser=3 means one running plus two waiting': crowd(6, { 200: 3, 503: 3 }),
    },
    { isLedByHand: true },
  ),
  'koboldcpp-06-transcribe.jsonl': replay({}, { isLedByHand: true }),
  'koboldcpp-07-password.jsonl': replay({}, { launch: tiny, password: 'pw', adminPassword: 'adm' }),
  'koboldcpp-08-router.jsonl': replay(
    { 'failed ': closesUnannounced },
    { isRouter: true, pace: { wordMs: 0 } },
  ),
  'koboldcpp-09-raw-bytes.txt': compareRawBytes,
  'koboldcpp-10-stale-abort-and-chat-abort.jsonl': replay({
    'A runs and B waits; an abort names Z': async (stage) => {
      await stage.ask('POST', NATIVE, text(60, 'A'));
      await stage.ask('POST', NATIVE, text(5, 'B'));
    },
    'stream that has to wait in the queue': begin(60),
  }),
  'koboldcpp-11-waiting-and-dropped.jsonl': replay({
    'A runs; B waits and its client drops it': async (stage) => {
      await begin(60)(stage);
      await stage.ask('POST', NATIVE, text(40));
    },
    'B dropped by its client while waiting': (stage) => stage.lastAsked().drop(),
    'perf: total_gens grew by 2, last_token_count 40': async (stage) => {
      await grewBy(2)(stage);
      expect((await stage.perf())['last_token_count']).toBe(40);
    },
    'the same with a waiting stream that is dropped': begin(60),
    'waiting stream dropped by its client': (stage) => stage.lastAsked().drop(),
    'perf: total_gens grew by 2, last_token_count 24': async (stage) => {
      await grewBy(2)(stage);
      expect((await stage.perf())['last_token_count']).toBeLessThan(200);
    },
  }),
});

/** The proxy speaks HTTP/1.1, says nothing of closing, and closes. */
async function closesUnannounced({ simulator }: Play): Promise<void> {
  const headers = await new Promise<Record<string, unknown>>((resolve, reject) => {
    const asked = request(`${simulator.url}/api/v1/model`, (response) => {
      response.resume();
      response.socket.once('close', () =>
        resolve({ version: response.httpVersion, ...response.headers }),
      );
    });
    asked.once('error', reject);
    asked.end();
  });
  expect(headers['version']).toBe('1.1');
  expect(headers).not.toHaveProperty('connection');
}

/** Head and body as they lie on the wire, but for the words and the time. */
async function compareRawBytes(_lines: readonly Line[], file: string): Promise<void> {
  const simulator = await KoboldSimulator.start({ launch: slow });
  try {
    const parts = readFileSync(file, 'utf8').split(/^===== /m);
    expect(parts).toHaveLength(5);
    for (const part of parts.slice(1)) {
      const [, path, body, recorded] =
        /^[^\n]*?: POST (\S+) (\{[^\n]*\})\n(.*?)\n*<connection closed by the server>/s.exec(part)!;
      const seen = await exchangeRaw(new URL(simulator.url), path!, body!);
      expect(outlineOf(seen)).toEqual(outlineOf(recorded!));
    }
  } finally {
    await simulator.close();
  }
}

function exchangeRaw(url: URL, path: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(url.port), url.hostname);
    let seen = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => (seen += String(chunk)));
    socket.on('error', reject);
    socket.on('end', () => resolve(seen));
    const length = Buffer.byteLength(body);
    socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n${body}`);
  });
}

function outlineOf(raw: string): unknown {
  const [head = '', ...blocks] = raw.replaceAll('\r', '').trim().split('\n\n');
  const kinds = blocks.map((block) => {
    const [, name = '', data = ''] = /^(event: .*\n)?(?:data: )?(.*)$/s.exec(block.trim())!;
    return data === '[DONE]' ? data : name + JSON.stringify(shapeOf(JSON.parse(data)));
  });
  return {
    head: head.replace(/^Date: .*$/m, 'Date').replace(/^content-length: \d+$/m, 'content-length'),
    kinds: kinds.filter((kind, index) => kind !== kinds[index - 1]),
  };
}
