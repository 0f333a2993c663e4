// The recordings of a real ComfyUI 0.8.0 are reproduced by the simulator.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import WebSocket from 'ws';
import { createManualClock } from '../../clock-testing.ts';
import { describeReplays, type Line } from '../transcript-testing.ts';
import { parseBinary } from './events.ts';
import { replay, type Told } from './replaying-testing.ts';
import { startComfySimulator, type ComfySimulator } from './simulator/server.ts';
import type { PromptGraph } from './simulator/validation.ts';

describeReplays(fileURLToPath(new URL('transcripts', import.meta.url)), {
  'comfyui-01-good-run.jsonl': (lines) => replay(lines),
  'comfyui-02-identical-twice.jsonl': (lines) =>
    // Made before, by the run of the first recording.
    replay(lines, { prepare: ({ server }) => made(server, graphOf(lines, 0)) }),
  'comfyui-03-invalid-prompts.jsonl': (lines) => replay(lines),
  'comfyui-04-progress-and-previews.jsonl': (lines) => replay(lines),
  'comfyui-05-cancel.jsonl': (lines) =>
    replay(lines, {
      before: ({ text }, { server }) => {
        if (text === undefined) return;
        const isSlow = text === 'targeted interrupt of the running prompt';
        server.knobs.slowStopMs = isSlow ? 155 : 0;
      },
    }),
  'comfyui-06-prompt-id-and-order.jsonl': (lines) => replay(lines),
  'comfyui-07-errors-in-run.jsonl': (lines) =>
    replay(lines, { folders: { checkpoints: ['broken.safetensors'] } }),
  'comfyui-08-websocket-reconnect.jsonl': (lines) => replay(lines),
  'comfyui-09-history-race.jsonl': ([result]) => raceForHistory(result!),
  'comfyui-10-cached-output-file-gone.jsonl': (lines) =>
    replay(lines, {
      before: ({ path }, { server }) => {
        if (String(path).includes('gone_00001_')) server.disk.forgetResults();
      },
    }),
  'comfyui-11-info-upload-history.jsonl': (lines) =>
    replay(lines, {
      folders: { checkpoints: ['broken.safetensors'] },
      prepare: ({ server }) => {
        for (let run = 0; run < 3; run++) made(server, plain(`earlier-${run}`));
      },
    }),
  'comfyui-12-restart-TERM.jsonl': (lines) =>
    replay(lines, {
      prepare: ({ server }) => made(server, plain('slow')),
      before: async ({ text }, { server }) => {
        if (text === 'server process gets SIGTERM') await server.simulator.kill();
        if (text === '(server started again by hand)') await server.simulator.restart();
      },
    }),
  'comfyui-13-load-and-stalled-reader.jsonl': (lines) =>
    replay(lines, {
      prepare: ({ server }) => void (server.knobs.stepMs = 3_880),
      before: async (line, { server, listen, listeners }) => {
        const text = String(line['text'] ?? '');
        if (text.startsWith('a client with a small receive buffer')) {
          await listen('stalled', 'stalled', false);
          server.stall('stalled');
        }
        if (text.startsWith("now the stalled client's")) server.stall(null);
        // A server at work answers as one that rests.
        if (line.kind === 'latency') expect((await fetch(`${server.url}/queue`)).status).toBe(200);
        if (line['bystander_messages_in_the_3_s_after_its_own_prompt'] === 0) {
          expect(listeners.get('bystander')!.others).toEqual([]);
          expect(server.worker.remaining()).toBe(0);
        }
      },
    }),
  'comfyui-13b-after-stall.jsonl': (lines) => replay(lines),
  'comfyui-14-binary-frames.json': async (_lines, file) => {
    const { frames } = JSON.parse(readFileSync(file, 'utf8')) as {
      frames: { event_type: number; frame_base64: string }[];
    };
    for (const { event_type, frame_base64 } of frames) {
      const event = parseBinary(Buffer.from(frame_base64, 'base64'));
      if (event_type === 3) expect(event).toBeNull();
      else expect(event).toMatchObject({ type: 'preview' });
    }
  },
});

const LAG_MS = 20;

const node = (class_type: string, inputs: Record<string, unknown>) => ({ class_type, inputs });
const plain = (filename_prefix: string): PromptGraph => ({
  '1': node('EmptyImage', { width: 64, height: 64, batch_size: 1, color: 1 }),
  '2': node('SaveImage', { images: ['1', 0], filename_prefix }),
});

function graphOf(lines: readonly Line[], at: number): PromptGraph {
  const posts = lines.filter(({ kind, path }) => kind === 'http>' && path === '/prompt');
  return (posts[at]!['body'] as { prompt: PromptGraph }).prompt;
}

const made = (server: ComfySimulator, graph: PromptGraph) => void server.submitForeign(graph);

/** "success" can come before the history has it; after the last `executing` it always has. */
async function raceForHistory(result: Line): Promise<void> {
  expect(result['history_empty_right_after_execution_success']).toBeGreaterThan(0);
  const clock = createManualClock();
  const server = await startComfySimulator({ timers: clock });
  server.knobs.historyLagMs = LAG_MS;
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws?clientId=k`);
  const told = (isIt: (told: Told) => boolean) =>
    new Promise<string>((resolve) =>
      socket.on('message', (data: Buffer) => {
        const each = JSON.parse(data.toString()) as Told;
        if (isIt(each)) resolve(String(each.data['prompt_id']));
      }),
    );
  const success = told(({ type }) => type === 'execution_success');
  const last = told(({ type, data }) => type === 'executing' && data['node'] === null);
  const entriesOf = async (id: string) =>
    Object.keys((await (await fetch(`${server.url}/history/${id}`)).json()) as object);
  await new Promise((resolve) => socket.once('open', resolve));
  const body = JSON.stringify({ prompt: plain('race'), client_id: 'k' });
  await fetch(`${server.url}/prompt`, { method: 'POST', body });
  expect(await entriesOf(await success)).toEqual([]);
  await clock.armed(LAG_MS);
  clock.advance(LAG_MS);
  expect(await entriesOf(await last)).toHaveLength(1);
  socket.terminate();
  await server.close();
}
