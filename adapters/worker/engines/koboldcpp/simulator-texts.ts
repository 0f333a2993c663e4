// Texts on the wire: native and OpenAI's, in one piece and streamed.
import type { ServerResponse } from 'node:http';
import type { SimulatedRequest } from '../simulator-testing.ts';
import { badInput, BUSY, sendJson, sendStreamHead, UNAUTHORIZED } from './simulator-answers.ts';
import type { SimulatedProcess, Text } from './simulator-process.ts';
import { requestOf } from './simulator-words.ts';
import { isAllowed, type KoboldSimulator } from './simulator.ts';

type Format = 'native' | 'nativeStream' | 'chat' | 'completion';
type Fields = Readonly<Record<string, unknown>>;

/** Paths match by their ending. */
export function formatOf(path: string): Format | null {
  if (path.endsWith('/api/v1/generate')) return 'native';
  if (path.endsWith('/api/extra/generate/stream')) return 'nativeStream';
  if (path.endsWith('/v1/chat/completions')) return 'chat';
  return path.endsWith('/v1/completions') ? 'completion' : null;
}

export async function sendText(
  simulator: KoboldSimulator,
  request: SimulatedRequest,
  response: ServerResponse,
  format: Format,
  fields: Fields | undefined,
): Promise<void> {
  const { process, wire } = simulator;
  const isStream = format === 'nativeStream' || fields?.['stream'] === true;
  const turn = process.inTurn(async () => {
    if (!isAllowed(simulator, request, false)) {
      return sendJson(response, wire, UNAUTHORIZED, 401);
    }
    if (fields === undefined)
      return sendJson(response, wire, badInput('Error parsing input.'), 500);
    const isNative = format === 'native' || format === 'nativeStream';
    const asked = requestOf(fields, process.model.contextTokens, Date.now(), isNative);
    if (isStream) sendStreamHead(response, wire);
    // The worker of the request has died of it: `null`, or a stream that waits for ever.
    if (asked === null) return isStream ? undefined : sendJson(response, wire, null);
    if (simulator.isOutOfMemory) return void (await simulator.crash());
    const text = process.begin(simulator.isWordless ? { ...asked, maxTokens: 0 } : asked);
    const isDropped = () => response.destroyed || (response.socket?.destroyed ?? true);
    const writing = process.write(text);
    if (isStream)
      return stream(simulator, process, response, format, fields, text, writing, isDropped);
    await writing;
    if (process.isDead) response.destroy();
    else if (!isDropped()) sendJson(response, wire, wholeOf(format, process, text));
  });
  if (turn === null) return sendJson(response, wire, BUSY, 503);
  await turn;
}

async function stream(
  simulator: KoboldSimulator,
  process: SimulatedProcess,
  response: ServerResponse,
  format: Format,
  fields: Fields,
  text: Text,
  writing: Promise<void>,
  isDropped: () => boolean,
): Promise<void> {
  const { pace } = simulator;
  let sent = 0;
  let events = 0;
  await process.rest(pace.streamMs);
  for (;;) {
    const isOver = text.isDone;
    // It notices with its next words that nobody listens.
    if (isDropped()) process.abort();
    const more = text.text.slice(sent);
    sent = text.text.length;
    if (more !== '' && !(simulator.isMute && events > 0)) {
      response.write(eventOf(format, process, more, null));
      events += 1;
      if (simulator.isCutShort) {
        process.abort();
        response.end();
        return writing;
      }
    }
    if (isOver || process.isDead) break;
    await process.rest(pace.wordMs);
  }
  await writing;
  if (process.isDead) return void response.destroy();
  if (simulator.isMute) return;
  response.write(eventOf(format, process, '', finishOf(text)));
  if (format === 'nativeStream') return void response.end();
  const options = fields['stream_options'] as { include_usage?: boolean } | undefined;
  if (options?.include_usage)
    response.write(
      `data: ${JSON.stringify({ ...chunk(process), choices: [], usage: usageOf(text) })}\n\n`,
    );
  response.end('data: [DONE]\n\n');
}

/** The model's own end is told; the limit, a stop sequence and an abort are not told apart. */
const finishOf = ({ stopReason }: Text) =>
  stopReason === -2 ? 'error' : stopReason === 1 ? 'stop' : 'length';

const usageOf = ({ request, tokens, stopReason }: Text) => {
  const prompt = stopReason < 0 ? 0 : request.promptTokens;
  return { prompt_tokens: prompt, completion_tokens: tokens, total_tokens: prompt + tokens };
};

const chunk = ({ model }: SimulatedProcess, object = 'chat.completion.chunk') => ({
  id: `${object.startsWith('chat') ? 'chatcmpl' : 'cmpl'}-A123456`,
  object,
  created: Math.floor(Date.now() / 1000),
  model: `koboldcpp/${model.name}`,
});

function eventOf(
  format: Format,
  process: SimulatedProcess,
  text: string,
  finish: string | null,
): string {
  const line = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
  if (format === 'nativeStream')
    return `event: message\n${line({ token: text, finish_reason: finish })}`;
  const choice = { index: 0, finish_reason: finish };
  if (format === 'completion')
    return line({ ...chunk(process, 'text_completion'), choices: [{ ...choice, text }] });
  const delta = { role: 'assistant', content: text };
  return line({ ...chunk(process), choices: [{ ...choice, delta }] });
}

function wholeOf(format: Format, process: SimulatedProcess, text: Text): object {
  const usage = usageOf(text);
  const finish_reason = finishOf(text);
  if (format === 'native')
    return {
      results: [
        {
          text: text.text,
          tool_calls: [],
          finish_reason,
          logprobs: null,
          prompt_tokens: usage.prompt_tokens,
          completion_tokens: usage.completion_tokens,
        },
      ],
    };
  const choice = { index: 0, finish_reason, logprobs: null };
  if (format === 'completion')
    return {
      ...chunk(process, 'text_completion'),
      usage,
      choices: [{ text: text.text, ...choice }],
    };
  const message = { role: 'assistant', content: text.text, tool_calls: [] };
  return { ...chunk(process, 'chat.completion'), usage, choices: [{ message, ...choice }] };
}
