// The simulated server's one worker: a queue by number, and prompts carried out node by node with the events of a
// real run. Nothing waits but what waits in a real one: steps, and files being read.
import type { Timers } from '../../../seams.ts';
import type { Disk, StoredFile } from './disk.ts';
import { film, flac, mp3, picture } from './media.ts';
import { matterOf, stepsOf, type Matter, type NodeInfo } from './nodes.ts';
import { orderOf, signatureOf } from './order.ts';
import { isLink, type PromptGraph } from './validation.ts';

export type Item = [
  number: number,
  id: string,
  graph: PromptGraph,
  extra: { client_id?: string; create_time: number },
  outputs: string[],
];
export type Send = (type: string, data: Record<string, unknown>, clientId: string | null) => void;
export interface Failure {
  readonly type: string;
  readonly message: string;
}

export interface WorkerOptions {
  readonly timers: Timers;
  readonly send: Send;
  readonly preview: (node: string, id: string, clientId: string | null, isFirst: boolean) => void;
  /** To everybody. */
  readonly text: (node: string, words: string) => void;
  readonly describe: (name: string) => NodeInfo | undefined;
  readonly disk: Disk;
  readonly knobs: Knobs;
}

/** What can be told to happen in the next runs. */
export interface Knobs {
  /** Of samplers. */
  stepMs: number;
  /** Of every other node. */
  nodeMs: number;
  /** Taken one by one by nodes of this class. */
  failures: { readonly classType: RegExp; readonly failure: Failure }[];
  /** What the next results are instead of themselves. */
  result: 'good' | 'empty' | 'damaged' | 'huge';
  hasPreviews: boolean;
  /** An interrupted prompt takes so long to say so, as where a real one frees memory. */
  slowStopMs: number;
  /** A larger upload is refused. */
  uploadBytesMax: number;
  /** Between a good end and its entry in the history; long when a real one collects its garbage just then. */
  historyLagMs: number;
  /** Held on the card while a model is loaded. */
  modelBytes: number;
}

const OOM: Failure = {
  type: 'torch.OutOfMemoryError',
  message:
    'probe: out of memory\nThis error means you ran out of memory on your GPU.\n\nTIPS: If the workflow worked before you might have accidentally set the batch_size to a large number.',
};
export const outOfMemory = OOM;
const HISTORY_MAX = 1_000;

class NodeError extends Error {
  readonly failure: Failure | 'interrupted';
  constructor(failure: Failure | 'interrupted') {
    super('node failed');
    this.failure = failure;
  }
}

export function createSimulatedWorker(options: WorkerOptions) {
  const { timers, send, disk, knobs } = options;
  const pending: Item[] = [];
  const history = new Map<string, Record<string, unknown>>();
  let running: Item | null = null;
  /** What is at work belongs to this life of the server; after its end it comes to nothing. */
  let life = 0;
  let cache = new Map<string, { matter: Matter; ui: Record<string, unknown[]> | null }>();
  let isInterrupted = false;
  let isFreeing = { models: false, cache: false };
  let heldBytes = 0;
  let lastNode: string | null = null;

  const remaining = () => pending.length + (running === null ? 0 : 1);
  const sendStatus = () =>
    send('status', { status: { exec_info: { queue_remaining: remaining() } } }, null);
  const now = () => Math.round(timers.now());

  const put = (item: Item): boolean => {
    // A heap of tuples compares graphs where number and id are the same, and cannot.
    const isTie = pending.some((other) => other[0] === item[0] && other[1] === item[1]);
    pending.push(item);
    pending.sort((a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : 1));
    if (isTie) return false;
    sendStatus();
    pump();
    return true;
  };

  const pump = () => {
    if (running !== null) return;
    const next = pending.shift();
    if (next === undefined) return;
    running = next;
    void execute(next, life);
  };

  const execute = async (item: Item, ofLife: number) => {
    const [, id, graph, extra] = item;
    const client = extra.client_id ?? null;
    const messages: [string, Record<string, unknown>][] = [];
    const outputs: Record<string, unknown> = {};
    const meta: Record<string, unknown> = {};
    const tell = (type: string, data: Record<string, unknown>, isPublic = false) => {
      const dated = { ...data, prompt_id: id, timestamp: now() };
      messages.push([type, dated]);
      if (client !== null || isPublic) send(type, dated, client);
    };
    isInterrupted = false;
    sendStatus();
    tell('execution_start', {});
    const signatures = new Map(Object.keys(graph).map((node) => [node, signatureOf(graph, node)]));
    const cached = Object.keys(graph).filter((node) => cache.has(signatures.get(node)!));
    tell('execution_cached', { nodes: cached });
    const executed: string[] = [];
    const states: Record<string, Record<string, unknown>> = {};
    const setState = (node: string, state: string, value: number, max: number) => {
      const ids = { node_id: node, prompt_id: id, display_node_id: node };
      states[node] = { value, max, state, ...ids, parent_node_id: null, real_node_id: node };
      send('progress_state', { prompt_id: id, nodes: states }, client);
    };
    let isGood = true;
    const fresh: typeof cache = new Map();
    try {
      const isOutput = (name: string) => options.describe(name)!.output_node;
      for (const node of orderOf(graph, item[4], isOutput, (each) => cached.includes(each))) {
        const signature = signatures.get(node)!;
        const known = cache.get(signature);
        if (known !== undefined) {
          if (known.ui !== null) {
            outputs[node] = known.ui;
            meta[node] = metaOf(node);
            sendExecuted(node, known.ui, id, client);
            setState(node, 'finished', 1, 1);
          }
          continue;
        }
        setState(node, 'running', 0, 1);
        lastNode = node;
        if (client !== null) send('executing', { node, display_node: node, prompt_id: id }, client);
        const made = await executeNode(
          item,
          node,
          setState,
          ofLife,
          (other) =>
            (fresh.get(signatures.get(other)!) ?? cache.get(signatures.get(other)!))?.matter ?? {},
        );
        if (life !== ofLife) return;
        executed.push(node);
        fresh.set(signature, made);
        if (made.ui !== null) {
          outputs[node] = made.ui;
          meta[node] = metaOf(node);
          sendExecuted(node, made.ui, id, client);
        }
        setState(
          node,
          'finished',
          (states[node]!['max'] as number) ?? 1,
          (states[node]!['max'] as number) ?? 1,
        );
      }
      tell('execution_success', {});
    } catch (error) {
      if (life !== ofLife) return;
      if (!(error instanceof NodeError)) throw error;
      isGood = false;
      if (error.failure === 'interrupted' && knobs.slowStopMs > 0) await waitFor(knobs.slowStopMs);
      if (life !== ofLife) return;
      const about = { node_id: lastNode, node_type: graph[lastNode!]!.class_type, executed };
      if (error.failure === 'interrupted') tell('execution_interrupted', about, true);
      else tell('execution_error', { ...about, ...tracebackOf(error.failure, lastNode!, graph) });
    }
    // The cache keeps what the last prompt used.
    const used = [...signatures.values()];
    cache = new Map([...[...cache].filter(([key]) => used.includes(key)), ...fresh]);
    if (knobs.historyLagMs > 0) await waitFor(knobs.historyLagMs);
    if (life !== ofLife) return;
    lastNode = null;
    running = null;
    const status = { status_str: isGood ? 'success' : 'error', completed: isGood, messages };
    history.delete(id);
    history.set(id, { prompt: item, outputs, status, meta });
    if (history.size > HISTORY_MAX) history.delete(history.keys().next().value!);
    sendStatus();
    if (client !== null) send('executing', { node: null, prompt_id: id }, client);
    free();
    pump();
  };

  const sendExecuted = (node: string, output: unknown, id: string, client: string | null) => {
    if (client !== null)
      send('executed', { node, display_node: node, output, prompt_id: id }, client);
  };

  const executeNode = async (
    item: Item,
    node: string,
    setState: (node: string, state: string, value: number, max: number) => void,
    ofLife: number,
    matterOfNode: (node: string) => Matter,
  ) => {
    const [, id, graph, extra] = item;
    const { class_type: classType = '', inputs = {} } = graph[node]!;
    if (isInterrupted) throw new NodeError('interrupted');
    const failure = failureOf(classType, inputs);
    if (failure !== null) throw new NodeError(failure);
    const links = Object.values(inputs)
      .filter(isLink)
      .map(([from]) => matterOfNode(from));
    let matter = matterOf(classType, inputs, links);
    if (classType.startsWith('LoadImage'))
      matter = { ...matter, ...(await sizeOfInput(inputs['image'])) };
    if (classType === 'GetImageSize')
      options.text(node, `width: ${matter.width}, height: ${matter.height}`);
    if (classType.includes('Loader')) heldBytes = knobs.modelBytes;
    if (knobs.nodeMs > 0) await waitFor(knobs.nodeMs);
    if (life !== ofLife) return { matter, ui: null };
    const steps = stepsOf(classType, inputs);
    const client = extra.client_id ?? null;
    for (let step = 1; step <= (steps ?? 0); step++) {
      const delayMs = (inputs['delay_ms'] as number | undefined) ?? knobs.stepMs;
      if (delayMs > 0) await waitFor(delayMs);
      if (life !== ofLife) return { matter, ui: null };
      if (isInterrupted) throw new NodeError('interrupted');
      setState(node, 'running', step, steps!);
      if (knobs.hasPreviews) options.preview(node, id, client, true);
      send('progress', { value: step, max: steps!, prompt_id: id, node }, client);
      if (knobs.hasPreviews) options.preview(node, id, client, false);
    }
    return { matter, ui: writeResult(classType, inputs, matter, signatureOf(graph, node)) };
  };
  const waitFor = (delayMs: number) =>
    new Promise<void>((resolve) => void timers.after(delayMs, resolve));

  const sizeOfInput = async (name: unknown): Promise<Matter> => {
    const bytes = await disk.findNamed(String(name))?.bytes();
    if (bytes === undefined || bytes.toString('latin1', 1, 4) !== 'PNG') return {};
    return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
  };

  const failureOf = (
    classType: string,
    inputs: Readonly<Record<string, unknown>>,
  ): Failure | null => {
    const at = knobs.failures.findIndex((each) => each.classType.test(classType));
    if (at !== -1) return knobs.failures.splice(at, 1)[0]!.failure;
    if (classType === 'ProbeBoom')
      return inputs['kind'] === 'OOM'
        ? OOM
        : { type: String(inputs['kind']), message: 'probe: asked to fail\n' };
    if (inputs['ckpt_name'] === 'broken.safetensors')
      return {
        type: 'safetensors_rust.SafetensorError',
        message: 'Error while deserializing header: InvalidHeaderDeserialization\n',
      };
    return null;
  };

  const writeResult = (
    classType: string,
    inputs: Readonly<Record<string, unknown>>,
    matter: Matter,
    seed: string,
  ): Record<string, unknown[]> | null => {
    const prefix = (inputs['filename_prefix'] as string | undefined) ?? 'ComfyUI_temp_pjaac';
    const spoiled = (bytes: () => Promise<Buffer> | Buffer) => async () => spoil(await bytes());
    const save = (extension: string, mediaType: string, bytes: () => Promise<Buffer> | Buffer) => {
      const folder = classType.startsWith('Preview') ? 'temp' : 'output';
      const file: StoredFile = { mediaType, bytes: spoiled(bytes) };
      return disk.write(folder, prefix, extension, file);
    };
    const seconds = matter.seconds ?? 1;
    if (classType === 'SaveImage' || classType === 'PreviewImage')
      return { images: [save('png', 'image/png', () => picture(matter, seed))] };
    if (classType === 'SaveVideo')
      return { images: [save('mp4', 'video/mp4', () => film(matter, seed))], animated: [true] };
    if (classType === 'SaveAudio')
      return { audio: [save('flac', 'audio/flac', () => flac(seconds))] };
    if (classType === 'SaveAudioMP3')
      return { audio: [save('mp3', 'audio/mpeg', () => mp3(seconds))] };
    if (classType === 'SaveLatent')
      return { latents: [save('latent', 'application/octet-stream', () => Buffer.alloc(64))] };
    if (classType === 'PreviewAny') return { text: [String(matter.width ?? '')] };
    return null;
  };

  const spoil = (bytes: Buffer): Buffer => {
    if (knobs.result === 'empty') return Buffer.alloc(0);
    if (knobs.result === 'damaged') return bytes.subarray(0, bytes.length - 10);
    return knobs.result === 'huge' ? Buffer.concat([bytes, Buffer.alloc(32 * 1024 * 1024)]) : bytes;
  };

  const free = () => {
    if (running !== null) return;
    if (isFreeing.models) heldBytes = 0;
    if (isFreeing.cache) cache = new Map();
    isFreeing = { models: false, cache: false };
  };

  return {
    put,
    pending,
    history,
    running: () => running,
    remaining,
    nodeAtWork: () => ({ node: lastNode, client: running?.[3].client_id ?? null }),
    heldBytes: () => heldBytes,
    delete: (id: string) => {
      const at = pending.findIndex((item) => item[1] === id);
      if (at === -1) return;
      pending.splice(at, 1);
      sendStatus();
    },
    clear: () => {
      pending.length = 0;
      sendStatus();
    },
    interrupt: () => {
      // Noticed at the end of the step at work.
      isInterrupted = true;
    },
    free: (models: boolean, everything: boolean) => {
      isFreeing = {
        models: isFreeing.models || models || everything,
        cache: isFreeing.cache || everything,
      };
      free();
    },
    die: () => {
      life += 1;
      pending.length = 0;
      history.clear();
      cache = new Map();
      running = null;
      heldBytes = 0;
      lastNode = null;
    },
  };
}

const metaOf = (node: string) => ({
  node_id: node,
  display_node: node,
  parent_node: null,
  real_node_id: node,
});

function tracebackOf(failure: Failure, node: string, graph: PromptGraph) {
  const inputs = graph[node]!.inputs ?? {};
  const values = Object.entries(inputs).map(([name, value]) => [
    name,
    isLink(value) ? ['tensor'] : [value],
  ]);
  return {
    exception_message: failure.message,
    exception_type: failure.type,
    traceback: ['File "<comfy>/execution.py", line 518, in execute'],
    current_inputs: Object.fromEntries(values) as Record<string, unknown[]>,
    current_outputs: Object.keys(graph),
  };
}
