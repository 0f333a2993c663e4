// ComfyUI: pictures, films and sound from graphs. A person's request fills the slots of a workflow; the graph
// itself is the operator's. ComfyUI works on one prompt at a time.
import { randomUUID } from 'node:crypto';
import WebSocket from 'ws';
import {
  EngineFailure,
  type Engine,
  type EngineJob,
  type EngineOutput,
} from '../../../../machines/contract/engine.ts';
import { systemSeams, type Seams } from '../../seams.ts';
import { openAdaptations } from './adaptations.ts';
import { createClient } from './client.ts';
import { fillGraph } from './graph.ts';
import { readWorkflows } from './library.ts';
import { freeMemory, readCard, usedBytes } from './memory.ts';
import { hasFile, missingFor, takeInventory, type Inventory } from './needs.ts';
import { offerOf } from './offers.ts';
import { runGraph, type RunOptions } from './run.ts';
import { comfyuiSettings, type ComfyuiSettingsInput } from './settings.ts';
import { uploadInputs } from './uploads.ts';
import { inputsFor, valuesFor, type Values } from './values.ts';
import type { Workflow } from './workflow.ts';

export interface ComfyuiSeams extends Seams {
  /** Version 4, lower case. */
  readonly uuid: () => string;
}

export interface ComfyuiEngine extends Engine {
  /** In sentences, what the server lacks for the workflows that it is to run. */
  lacks(): Promise<readonly string[]>;
}

interface Asked {
  readonly job: EngineJob;
  readonly report: RunOptions['report'];
  readonly signal: AbortSignal;
}

/** Previews and the state of a large graph in one message. */
const FRAME_BYTES_MAX = 32 * 1024 * 1024;

const defaults: ComfyuiSeams = {
  ...systemSeams,
  openSocket: (url, headers) =>
    new WebSocket(url, { headers, maxPayload: FRAME_BYTES_MAX, handshakeTimeout: 10_000 }),
  uuid: randomUUID,
};

export async function createComfyuiEngine(
  input: ComfyuiSettingsInput,
  seams: Partial<ComfyuiSeams> = {},
): Promise<ComfyuiEngine> {
  const { fetch, openSocket, timers, random, uuid } = { ...defaults, ...seams };
  const settings = comfyuiSettings.parse(input);
  const workflows = await readWorkflows(settings);
  const client = createClient({ url: settings.url, fetch, timers });
  const adaptations = await openAdaptations(settings, { fetch, timers });
  const server = { client, timers };
  const loaded = new Map<string, { loadMs: number; vramBytes: number }>();
  /** What the card held more after a run than when the model was loaded. */
  const measured = new Map<string, number>();
  let stock: Inventory | undefined;

  const inventory = async () =>
    (stock = await takeInventory(client, [...workflows.values()], settings.loras));

  const workflowOf = (model: string): Workflow => {
    const found = workflows.get(model);
    if (found === undefined)
      throw new EngineFailure('modelMissing', 'ComfyUI has no workflow of that name here.');
    return found;
  };

  const vramUsedBytes = async () => {
    const card = await readCard(server);
    return card === null ? null : usedBytes(card);
  };

  const learn = async (model: string, before: number | null) => {
    const after = before === null ? null : await vramUsedBytes().catch(() => null);
    if (before === null || after === null) return;
    measured.set(model, Math.max(measured.get(model) ?? 0, after - before, 0));
  };

  const run: Engine['run'] = async (job, report, signal) => {
    signal.throwIfAborted();
    const file = workflowOf(job.model);
    if (job.modality !== file.modality)
      throw new EngineFailure('unsupported', `${file.name} makes ${file.modality}, nothing else.`);
    if (!loaded.has(job.model))
      throw new EngineFailure('modelMissing', `${file.name} is not loaded.`);
    const values = valuesFor(file, job, adaptations.at(stock ?? (await inventory())), random);
    const release = await adaptations.hold(values.loras, signal);
    return make(file, values, { job, report, signal }).finally(release);
  };

  const make = async (file: Workflow, values: Values, { job, report, signal }: Asked) => {
    const inputs = inputsFor(file, job);
    const names = await uploadInputs(inputs, client, uuid, signal);
    if (job.isSafe) await freeMemory(server);
    const before = await vramUsedBytes();
    const outputs: EngineOutput[] = [];
    for (let index = 0; index < job.count; index++) {
      const seed = (values.seed + index) % ((file.slots.seed?.max ?? 2 ** 32 - 1) + 1);
      const graph = fillGraph(file, {
        ...{ loras: values.loras, format: values.format, seed },
        slots: { ...values.slots, ...names },
        prefix: prefixOf(job, index),
        isSafe: job.isSafe === true,
      });
      const facts = { ...values.facts, ...(file.slots.seed && { seed }) };
      const reportPart = partOf(report, index, job.count);
      const common = { server, settings, openSocket, uuid, job, signal };
      outputs.push(...(await runGraph({ ...common, graph, facts, report: reportPart })));
    }
    await learn(job.model, before);
    report({ type: 'progress', fraction: 1 });
    return outputs;
  };

  return {
    name: 'comfyui',
    concurrency: 1,
    probe: async () => {
      await client.alive();
    },
    models: async () => {
      const at = await inventory();
      const complete = [...workflows.values()].filter((file) => missingFor(file, at).length === 0);
      return complete.map((file) => offerOf(file, adaptations.at(at), measured.get(file.id)));
    },
    lacks: async () => {
      const at = await inventory();
      const ofLoras = settings.loras
        .filter(({ file }) => !hasFile(at.files, 'loras', file))
        .map(
          ({ name, file }) =>
            `The adaptation ${name} needs the file ${file} in ComfyUI's folder models/loras.`,
        );
      return [...[...workflows.values()].flatMap((file) => missingFor(file, at)), ...ofLoras];
    },
    load: async (model, signal) => {
      const file = workflowOf(model);
      const known = loaded.get(model);
      if (known !== undefined) return known;
      const startedAt = timers.now();
      const [lack] = missingFor(file, await inventory());
      if (lack !== undefined) throw new EngineFailure('modelMissing', lack.slice(0, 300));
      signal.throwIfAborted();
      const facts = {
        loadMs: Math.round(timers.now() - startedAt),
        vramBytes: measured.get(model) ?? 0,
      };
      loaded.set(model, facts);
      return facts;
    },
    unload: async (model) => {
      if (!loaded.has(model)) return;
      await freeMemory(server);
      loaded.delete(model);
    },
    vramUsedBytes,
    run,
    close: async () => {
      loaded.clear();
      await adaptations.close();
    },
  };
}

/** Says on the server's disk whose the file is; nobody but us writes there. */
const prefixOf = ({ id, attempt }: EngineJob, index: number) =>
  `tessera/${id.replace(/[^\w-]/g, '_')}-${attempt}-${index + 1}`;

/** One of several results: `started` once, and its share of the whole. */
function partOf(report: RunOptions['report'], index: number, count: number): RunOptions['report'] {
  return (update) => {
    if (update.type === 'started' && index > 0) return;
    if (update.type !== 'progress') return report(update);
    report({ ...update, fraction: (index + update.fraction) / count });
  };
}
