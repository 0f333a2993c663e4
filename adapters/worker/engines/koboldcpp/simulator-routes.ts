// Which question gets which answer.
import type { ServerResponse } from 'node:http';
import type { SimulatedRequest } from '../simulator-testing.ts';
import { badInput, MISSING, send, sendJson, UNAUTHORIZED } from './simulator-answers.ts';
import { isPiece, sendPiece } from './simulator-pieces.ts';
import { formatOf, sendText } from './simulator-texts.ts';
import { chatPrompt, countChatTokens, countTokens } from './simulator-words.ts';
import { isAllowed, type KoboldSimulator } from './simulator.ts';

type Fields = Readonly<Record<string, unknown>>;
const BODY_BYTES_MAX = 32 * 1024 * 1024;

export async function answer(
  simulator: KoboldSimulator,
  request: SimulatedRequest,
  response: ServerResponse,
): Promise<void> {
  if (request.method === 'GET') return answerGet(simulator, request, response);
  const { wire } = simulator;
  if (request.body.length > BODY_BYTES_MAX) {
    const msg = 'Payload is too big. Max payload size is 32MB.';
    return sendJson(response, wire, badInput(msg), 500);
  }
  const body = parse(request.body);
  if (answerAtOnce(simulator, request, response, body)) return;
  // Everything else waits for the lock first, even what does not exist.
  await answerInTurn(simulator, request, response, body);
}

function answerGet(
  simulator: KoboldSimulator,
  request: SimulatedRequest,
  response: ServerResponse,
): void {
  const { process, wire, pages, options } = simulator;
  const path = request.path.replace(/\/+$/, '');
  const json = (value: unknown, status = 200) => sendJson(response, wire, value, status);
  const page = pages.get(path);
  if (page) return json(page.body, page.status);
  const context = { value: process.model.contextTokens };
  switch (path) {
    case '/api/extra/version':
      return json(versionOf(simulator));
    case '/api/v1/model': {
      const { name } = process.model;
      const shown = isAllowed(simulator, request, false) ? name : 'protected-model';
      return json({ result: name === 'inactive' ? name : `koboldcpp/${shown}` });
    }
    case '/api/v1/config/max_context_length':
    case '/api/extra/true_max_context_length':
      return json(context);
    case '/api/v1/config/max_length':
      return json({ value: 1024 });
    case '/api/extra/perf':
      return json(process.perf());
    case '/v1/models':
      return json({ object: 'list', data: modelsOf(simulator) });
    case '/api/admin/list_options':
      return json(isAllowed(simulator, request, true) ? simulator.files : []);
    case '/props':
      return json(propsOf(simulator));
    case '/sdapi/v1/sd-models':
    case '/sdapi/v1/samplers':
      return json([]);
    case '/api/extra/generate/check':
      if (!isAllowed(simulator, request, false)) return json(UNAUTHORIZED, 401);
      return json({ results: [{ text: process.checkBy('') }] });
    default:
      return send(response, wire, 404, 'text/html', MISSING(path));
  }

  function modelsOf({ files }: KoboldSimulator): object[] {
    const names = [`koboldcpp/${process.model.name}`, ...(options.isRouter ? files : [])];
    return names.map((id) => ({
      id,
      object: 'model',
      created: Math.floor(Date.now() / 1000),
      owned_by: 'koboldcpp',
      // Even those that are not.
      status: { value: 'loaded' },
      permission: [],
      root: 'koboldcpp',
    }));
  }
}

/** Answered at any time. */
function answerAtOnce(
  simulator: KoboldSimulator,
  request: SimulatedRequest,
  response: ServerResponse,
  body: unknown,
): boolean {
  const { process, wire, pace } = simulator;
  const fields = (typeof body === 'object' && body !== null ? body : {}) as Fields;
  const json = (value: unknown, status = 200) => {
    sendJson(response, wire, value, status);
    return true;
  };
  const genkey = String(fields['genkey'] ?? '');
  if (request.path === '/api/admin/reload_config') {
    const mayAsk = isAllowed(simulator, request, true);
    return json({ success: mayAsk && simulator.switchTo(String(fields['filename'])) });
  }
  if (!/^\/api\/extra\/(?:abort|generate\/check|tokencount)$/.test(request.path)) return false;
  if (!isAllowed(simulator, request, false)) return json(UNAUTHORIZED, 401);
  if (request.path.endsWith('/check'))
    return json({ results: [{ text: process.checkBy(genkey) }] });
  if (request.path.endsWith('/tokencount')) return json(countOf(fields));
  const told = process.abortBy(genkey);
  void process.rest(told.done === 'true' ? pace.abortMs : 0).then(() => json(told));
  return true;
}

async function answerInTurn(
  simulator: KoboldSimulator,
  request: SimulatedRequest,
  response: ServerResponse,
  body: unknown,
): Promise<void> {
  const format = formatOf(request.path);
  const fields = body as Fields | undefined;
  if (format !== null) await simulator.bring(fields?.['model']);
  const { process, wire } = simulator;
  if (format !== null) return sendText(simulator, request, response, format, fields);
  const turn = process.inTurn(async () => {
    if (isPiece(request.path)) return sendPiece(simulator, request, response, fields ?? {});
    send(response, wire, 404, 'text/html', '');
  });
  await turn;
}

function versionOf({ process, options }: KoboldSimulator): object {
  const can = (ability: 'tts' | 'transcribe' | 'txt2img') =>
    process.model.abilities?.includes(ability) ?? false;
  const admin = options.hasAdmin === false ? 0 : options.adminPassword === undefined ? 1 : 2;
  const never = {
    vision: false,
    audio: false,
    multiplayer: false,
    websearch: false,
    embeddings: false,
    music: false,
    savedata: false,
    guidance: false,
    jinja: false,
    mcp: false,
  };
  return {
    result: 'KoboldCpp',
    version: '1.116.1',
    protected: options.password !== undefined,
    llm: process.hasText,
    txt2img: can('txt2img'),
    transcribe: can('transcribe'),
    tts: can('tts'),
    admin,
    router: options.isRouter === true,
    ...never,
  };
}

function propsOf({ process: { model } }: KoboldSimulator): object {
  return {
    chat_template: '{% for m in messages %}…{% endfor %}',
    id: 0,
    id_task: -1,
    total_slots: 1,
    modalities: { vision: false, audio: false },
    model_path: `koboldcpp/${model.name}`,
    n_ctx: model.contextTokens,
    default_generation_settings: { n_ctx: model.contextTokens },
  };
}

function countOf(fields: Fields): object {
  const messages = fields['messages'] as Parameters<typeof chatPrompt>[0] | undefined;
  const prompt = messages ? chatPrompt(messages) : String(fields['prompt'] ?? '');
  const value = messages ? countChatTokens(messages) : countTokens(prompt);
  return { value, ids: Array.from({ length: value }, (_, index) => index + 1), prompt };
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString()) as unknown;
  } catch {
    return undefined;
  }
}
