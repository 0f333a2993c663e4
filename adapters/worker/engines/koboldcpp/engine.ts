// KoboldCPP: a server for text that can also speak, transcribe and draw. It does one job at a time, of whatever
// kind; models change by ending its process.
import { randomUUID } from 'node:crypto';
import {
  EngineFailure,
  type Engine,
  type EngineJob,
  type EngineOutput,
} from '../../../../machines/contract/engine.ts';
import { audioParams, transcriptParams } from '../../../../machines/contract/requests.ts';
import { systemSeams } from '../../seams.ts';
import { workOut, type BlockingOptions } from './blocking.ts';
import { CAPABILITY, modelsOf, offerOf, type KoboldModel } from './catalogue.ts';
import { createClient, type KoboldSeams } from './client.ts';
import { paramsOf } from './params.ts';
import { imageOf, pictureOf } from './picturing.ts';
import { createResidence } from './residence.ts';
import type { KoboldcppSettings } from './settings.ts';
import { soundOf, speechOf } from './speaking.ts';
import { transcriptionOf, wordsOf } from './transcribing.ts';
import { seedOf } from './wish.ts';
import { write } from './writing.ts';

const { timers, random } = systemSeams;
const SYSTEM: KoboldSeams = { timers, random, uuid: randomUUID };

export function createKoboldcppEngine(
  settings: KoboldcppSettings,
  seams: KoboldSeams = SYSTEM,
): Engine {
  const models = modelsOf(settings);
  const client = createClient(settings, seams);
  const { url, loadTimeoutMs, stuckAfterMs } = settings;
  const residence = createResidence({ client, timers: seams.timers, url, loadTimeoutMs });
  const blocking = { client, timers: seams.timers, stuckAfterMs, renew: () => residence.renew() };
  const loaded = new Map<string, { loadMs: number; vramBytes: number }>();

  const modelOf = (id: string): KoboldModel => {
    const model = models.get(id);
    if (model) return model;
    throw new EngineFailure('modelMissing', 'This KoboldCPP server has no model of this name.');
  };

  /** A switch to other files takes with it what lived there before. */
  const forgetOthers = (file: string | undefined) => {
    for (const id of loaded.keys()) if (models.get(id)!.of.file !== file) loaded.delete(id);
  };

  return {
    name: 'koboldcpp',
    concurrency: 1,
    drops: (wanted, there) => models.get(wanted)?.of.file !== models.get(there)?.of.file,
    probe: async () => {
      // It is away because it was told to: not a crash.
      if (!residence.isSwitching()) await residence.version();
    },
    models: async () => {
      const version = await residence.version();
      const files = await residence.files();
      const canCome = (model: KoboldModel) =>
        model.of.file === undefined
          ? version[CAPABILITY[model.modality]] || files.length > 0
          : files.includes(model.of.file);
      return [...models.values()].filter(canCome).map(offerOf);
    },
    load: async (id, signal) => {
      const model = modelOf(id);
      const known = loaded.get(id);
      if (known && (await residence.isThere(model, signal))) return known;
      const startedAt = seams.timers.now();
      forgetOthers(model.of.file);
      loaded.delete(id);
      await residence.bring(model, signal);
      const loadMs = Math.round(seams.timers.now() - startedAt);
      const facts = { loadMs, vramBytes: model.of.vramBytes };
      loaded.set(id, facts);
      return facts;
    },
    unload: async (id) => {
      const model = modelOf(id);
      loaded.delete(id);
      // The memory belongs to the process, and others may live in it still.
      if (loaded.size === 0 && (await livesIn(model))) await residence.free();
    },
    run: async (job, report, signal) => {
      const model = modelOf(job.model);
      if (model.modality !== job.modality) {
        const sentence = `${model.of.name} makes ${model.modality}, not ${job.modality}.`;
        throw new EngineFailure('unsupported', sentence);
      }
      if (!loaded.has(job.model)) throw missing(`${model.of.name} is not loaded.`);
      signal.throwIfAborted();
      if (!(await residence.isThere(model, signal))) {
        loaded.delete(job.model);
        throw missing(`KoboldCPP has another model now than ${model.of.name}.`);
      }
      if (model.modality === 'text') {
        if (job.count > 1) throw new EngineFailure('invalidInput', 'One text at a time.');
        return [await write(job, model.of, { client, seams, settings }, report, signal)];
      }
      return workWith(model, job, blocking, seams, report, signal);
    },
    close: async () => {},
  };

  /** True where nobody answers, too: then there is nothing to tell apart. */
  async function livesIn(model: KoboldModel): Promise<boolean> {
    return residence.isThere(model).catch(() => true);
  }
}

type Report = Parameters<Engine['run']>[1];

async function workWith(
  model: Exclude<KoboldModel, { modality: 'text' }>,
  job: EngineJob,
  options: BlockingOptions,
  { random }: KoboldSeams,
  report: Report,
  signal: AbortSignal,
): Promise<readonly EngineOutput[]> {
  const outputs: EngineOutput[] = [];
  const first = (job.params as { seed?: number }).seed ?? Math.floor(random() * 2 ** 31);
  for (let index = 0; index < job.count; index += 1) {
    const tell = index === 0 ? report : () => {};
    outputs.push(await makeOne(seedOf(first + index), tell));
    report({ type: 'progress', fraction: (index + 1) / job.count });
  }
  return outputs;

  async function makeOne(seed: number, tell: Report): Promise<EngineOutput> {
    switch (model.modality) {
      case 'audio': {
        const piece = speechOf(job, model.of);
        const sound = await workOut(piece, options, tell, signal);
        return soundOf(sound, paramsOf(audioParams, job), model.of);
      }
      case 'transcript': {
        const words = await workOut(transcriptionOf(job), options, tell, signal);
        return wordsOf(words, paramsOf(transcriptParams, job));
      }
      case 'image': {
        const request = pictureOf(job, model.of, seed);
        return imageOf(await workOut(request, options, tell, signal), request);
      }
    }
  }
}

const missing = (sentence: string) => new EngineFailure('modelMissing', sentence);
