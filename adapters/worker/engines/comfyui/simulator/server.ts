// A ComfyUI 0.8.0 on loopback, as far as its wire goes: routes, sockets, and who is told what.
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { WebSocket } from 'ws';
import { systemSeams, type Timers } from '../../../seams.ts';
import { Simulator, type SimulatedRequest } from '../../simulator-testing.ts';
import { createDisk, view } from './disk.ts';
import { jobsOf, jobOf } from './jobs.ts';
import { describeNode, nodeNames, type ModelFolders } from './nodes.ts';
import { binaryPreview, binaryText } from './previews.ts';
import { readUpload } from './upload.ts';
import { checkPrompt, type PromptGraph } from './validation.ts';
import { createSimulatedWorker, outOfMemory, type Knobs } from './worker.ts';

export interface ComfySimulatorOptions {
  readonly timers?: Timers;
  readonly folders?: Readonly<Record<string, readonly string[]>>;
  /** Of the card; null for a machine without one. */
  readonly vramBytes?: number | null;
}

const FOLDERS =
  'checkpoints configs loras vae text_encoders diffusion_models clip_vision style_models embeddings diffusers vae_approx controlnet gligen upscale_models latent_upscale_models custom_nodes hypernetworks photomaker classifiers model_patches audio_encoders'.split(
    ' ',
  );
const FEATURES = {
  supports_preview_metadata: true,
  max_upload_size: 104_857_600,
  extension: { manager: { supports_v4: true } },
};
const TROUBLE = '500 Internal Server Error\n\nServer got itself in trouble';

export type ComfySimulator = Awaited<ReturnType<typeof startComfySimulator>>;

export async function startComfySimulator(options: ComfySimulatorOptions = {}) {
  const { timers = systemSeams.timers, vramBytes = null } = options;
  const folders: ModelFolders = new Map(
    FOLDERS.map((name) => [name, [...(options.folders?.[name] ?? [])]]),
  );
  const disk = createDisk();
  const knobs: Knobs = {
    stepMs: 2,
    nodeMs: 0,
    slowStopMs: 0,
    uploadBytesMax: FEATURES.max_upload_size,
    failures: [],
    result: 'good',
    hasPreviews: true,
    historyLagMs: 0,
    modelBytes: 0,
  };
  const sockets = new Map<string, WebSocket>();
  const wantsMetadata = new Set<WebSocket>();
  const describe = (name: string) =>
    missingNodes.has(name) ? undefined : describeNode(name, folders);
  const missingNodes = new Set<string>();
  let counter = 0;
  /** One loop sends everything: a client that does not read holds up all others. */
  let stalled: string | null = null;
  let held: (() => void)[] = [];

  const deliver = (clientId: string | null, data: (socket: WebSocket) => string | Buffer) => {
    const receivers = clientId === null ? [...sockets.values()] : [sockets.get(clientId)];
    const now = () => receivers.forEach((each) => each && simulator.send(each, data(each)));
    if (clientId !== null && clientId === stalled) held.push(() => {});
    else if (held.length > 0) held.push(now);
    else now();
  };
  const worker = createSimulatedWorker({
    ...{ timers, describe, disk, knobs },
    send: (type, data, clientId) => {
      const text = JSON.stringify({ type, data });
      deliver(clientId, () => text);
    },
    text: (node, words) => deliver(null, () => binaryText(node, words)),
    // With metadata it comes before the progress it belongs to, without after it.
    preview: (node, id, clientId, isBefore) => {
      const receivers = clientId === null ? [...sockets.keys()] : [clientId];
      for (const each of receivers) {
        const socket = sockets.get(each);
        if (socket === undefined || wantsMetadata.has(socket) !== isBefore) continue;
        deliver(each, () => binaryPreview(isBefore ? { node, id } : null));
      }
    },
  });

  const connected = (socket: WebSocket, { query }: SimulatedRequest) => {
    const clientId = query.get('clientId') || randomUUID().replaceAll('-', '');
    sockets.set(clientId, socket);
    const status = { exec_info: { queue_remaining: worker.remaining() } };
    simulator.send(socket, JSON.stringify({ type: 'status', data: { status, sid: clientId } }));
    const { node, client } = worker.nodeAtWork();
    if (node !== null && client === clientId)
      simulator.send(socket, JSON.stringify({ type: 'executing', data: { node } }));
    let isFirst = true;
    socket.on('message', (data: Buffer) => {
      const said = JSON.parse(data.toString()) as { type: string; data: Record<string, unknown> };
      if (isFirst && said.type === 'feature_flags') {
        if (said.data['supports_preview_metadata'] === true) wantsMetadata.add(socket);
        simulator.send(socket, JSON.stringify({ type: 'feature_flags', data: FEATURES }));
      }
      isFirst = false;
    });
    socket.on('error', () => {});
    // Whoever's socket it is: the id is forgotten, and with it a newer socket of the same id.
    socket.on('close', () => sockets.delete(clientId));
  };

  const json = (response: ServerResponse, body: unknown, status = 200) =>
    void response
      .writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
      .end(JSON.stringify(body));
  const empty = (response: ServerResponse, status = 200) => void response.writeHead(status).end();
  const trouble = (response: ServerResponse) =>
    void response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' }).end(TROUBLE);

  const submit = (request: SimulatedRequest, response: ServerResponse) => {
    const said = JSON.parse(request.body.toString()) as Record<string, unknown>;
    const ownNumber = said['number'] === undefined ? counter : Number(said['number']);
    if (Number.isNaN(ownNumber)) return trouble(response);
    if (said['number'] === undefined) counter += 1;
    const number = said['front'] === true ? -ownNumber : ownNumber;
    const graph = said['prompt'] as PromptGraph | undefined;
    if (graph === undefined) {
      const message = 'No prompt provided';
      return json(
        response,
        {
          error: { type: 'no_prompt', message, details: message, extra_info: {} },
          node_errors: {},
        },
        400,
      );
    }
    const hasInputFile = (name: string) => disk.findNamed(name) !== undefined;
    const checked = checkPrompt(graph, { describe, hasInputFile });
    const node_errors = checked.nodeErrors;
    if ('error' in checked) return json(response, { error: checked.error, node_errors }, 400);
    const prompt_id = 'prompt_id' in said ? String(said['prompt_id'] ?? 'None') : randomUUID();
    const extra = {
      ...(said['client_id'] !== undefined && { client_id: said['client_id'] as string }),
      create_time: Math.round(timers.now()),
    };
    if (!worker.put([number, prompt_id, graph, extra, checked.outputs])) return trouble(response);
    json(response, { prompt_id, number, node_errors });
  };

  const posts: Record<
    string,
    (request: SimulatedRequest, response: ServerResponse) => void | Promise<void>
  > = {
    '/prompt': submit,
    '/queue': ({ body }, response) => {
      const said = JSON.parse(body.toString()) as { delete?: string[]; clear?: boolean };
      if (said.clear === true) worker.clear();
      for (const id of said.delete ?? []) worker.delete(id);
      empty(response);
    },
    '/interrupt': ({ body }, response) => {
      const said = body.length === 0 ? {} : (JSON.parse(body.toString()) as { prompt_id?: string });
      if (said?.prompt_id === undefined || worker.running()?.[1] === said.prompt_id)
        worker.interrupt();
      empty(response);
    },
    '/free': ({ body }, response) => {
      const said = JSON.parse(body.toString()) as {
        unload_models?: boolean;
        free_memory?: boolean;
      };
      worker.free(said.unload_models === true, said.free_memory === true);
      empty(response);
    },
    '/history': ({ body }, response) => {
      const said = JSON.parse(body.toString()) as { delete?: string[]; clear?: boolean };
      if (said.clear === true) worker.history.clear();
      for (const id of said.delete ?? []) worker.history.delete(id);
      empty(response);
    },
    '/upload/image': async (request, response) => {
      if (request.body.length > knobs.uploadBytesMax)
        return void response
          .writeHead(413, { 'content-type': 'text/plain; charset=utf-8' })
          .end('Maximum request body size exceeded');
      const upload = await readUpload(request);
      if (upload === null) return empty(response, 400);
      if (!['input', 'temp', 'output'].includes(upload.type)) return trouble(response);
      const { type, subfolder, name, bytes, mayReplace } = upload;
      json(response, disk.put(type, subfolder, name, bytes, mayReplace));
    },
  };

  const gets: Record<
    string,
    (rest: string, request: SimulatedRequest, response: ServerResponse) => unknown
  > = {
    prompt: (_rest, _request, response) =>
      json(response, { exec_info: { queue_remaining: worker.remaining() } }),
    queue: (_rest, _request, response) => {
      const running = worker.running();
      json(response, { queue_running: running ? [running] : [], queue_pending: worker.pending });
    },
    history: (id, { query }, response) => {
      const entry = worker.history.get(id);
      if (id !== '') return json(response, entry ? { [id]: entry } : {});
      const from = Number(query.get('offset') ?? 0);
      const all = [...worker.history];
      const max = Number(query.get('max_items') ?? all.length);
      const start = query.has('offset') ? from : Math.max(0, all.length - max);
      json(response, Object.fromEntries(all.slice(start, start + max)));
    },
    system_stats: (_rest, _request, response) => json(response, stats()),
    features: (_rest, _request, response) => json(response, FEATURES),
    embeddings: (_rest, _request, response) => json(response, folders.get('embeddings')),
    models: (folder, _request, response) => {
      if (folder === '') return json(response, FOLDERS);
      const names = folders.get(folder);
      return names ? json(response, names) : empty(response, 404);
    },
    object_info: (name, _request, response) => {
      const names = name === '' ? nodeNames() : [name];
      const known = names.flatMap((each) => {
        const info = describe(each);
        return info ? [[each, info] as const] : [];
      });
      json(response, Object.fromEntries(known));
    },
    view: (_rest, { query }, response) => view(disk, query, response),
    jobs: (id, request, response) => {
      if (!request.path.startsWith('/api/')) return empty(response, 404);
      if (id === '') {
        const { status, body } = jobsOf(worker, request.query);
        return json(response, body, status);
      }
      const job = jobOf(worker, id);
      return job ? json(response, job) : json(response, { error: 'Job not found' }, 404);
    },
  };

  const stats = () => {
    const total = vramBytes ?? 25_276_063_744;
    const used = vramBytes === null ? 1_000_000_000 : worker.heldBytes();
    const torch =
      vramBytes === null
        ? { torch_vram_total: total, torch_vram_free: total - used }
        : { torch_vram_total: used, torch_vram_free: 0 };
    return {
      system: {
        ...{ os: 'linux', ram_total: 25_276_063_744, ram_free: 24_411_070_464 },
        ...{ comfyui_version: '0.8.0', required_frontend_version: '1.35.9' },
        ...{ installed_templates_version: null, required_templates_version: '0.7.67' },
        ...{
          python_version: '3.13.5',
          pytorch_version: '2.6.0',
          embedded_python: false,
          argv: ['main.py'],
        },
      },
      devices: [
        {
          ...{
            name: vramBytes === null ? 'cpu' : 'cuda:0 simulated',
            type: vramBytes === null ? 'cpu' : 'cuda',
          },
          ...{
            index: vramBytes === null ? null : 0,
            vram_total: total,
            vram_free: total - used,
            ...torch,
          },
        },
      ],
    };
  };

  const answer = async (request: SimulatedRequest, response: ServerResponse) => {
    const { origin, host } = request.headers;
    if (origin !== undefined && new URL(origin).host !== host) return empty(response, 403);
    const path = request.path.replace(/^\/api(?=\/)/, '');
    const [, name = '', ...rest] = path.split('/');
    const unknown = () =>
      void response.writeHead(404, { 'content-type': 'application/octet-stream' }).end();
    try {
      if (request.method === 'POST') {
        const post = Object.hasOwn(posts, path) ? posts[path] : undefined;
        return await (post ?? unknown)(request, response);
      }
      const handler = Object.hasOwn(gets, name) ? gets[name]! : unknown;
      await handler(decodeURIComponent(rest.join('/')), request, response);
    } catch {
      trouble(response);
    }
  };

  const simulator = await Simulator.start({
    answer,
    connected,
    forget: () => {
      worker.die();
      disk.forgetTemporary();
      sockets.clear();
      counter = 0;
    },
  });

  return {
    simulator,
    worker,
    disk,
    knobs,
    folders,
    missingNodes,
    url: simulator.url,
    runOutOfMemory: (times = 1, classType = /Sampler|ImageInvert|ProbeSlow/) => {
      for (let time = 0; time < times; time++)
        knobs.failures.push({ classType, failure: outOfMemory });
    },
    /** This client reads no more; nothing reaches anybody until it is `null`. */
    stall: (clientId: string | null) => {
      stalled = clientId;
      if (clientId !== null) return;
      const waiting = held;
      held = [];
      for (const run of waiting) run();
    },
    /** A prompt of somebody else's. */
    submitForeign: (graph: PromptGraph) =>
      worker.put([
        counter++,
        randomUUID(),
        graph,
        { create_time: 0 },
        Object.keys(graph).slice(-1),
      ]),
    close: () => simulator.close(),
  };
}
