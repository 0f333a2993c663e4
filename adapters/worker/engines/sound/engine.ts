// Sound effects and music by a server of somebody else: ACE-Step, LocalAI, or any that takes JSON. One sound after
// the other; each is measured before it is believed.
import {
  EngineFailure,
  type Engine,
  type EngineOutput,
  type EngineUpdate,
} from '../../../../machines/contract/engine.ts';
import type { ModelOffer } from '../../../../machines/contract/models.ts';
import { systemSeams, type Seams } from '../../seams.ts';
import { createCaller, type Caller } from '../http-call.ts';
import { LoadedModels } from '../loaded-models.ts';
import { withEstimate } from '../progress-estimate.ts';
import { acceptSound } from '../sound-files/accept.ts';
import { MEDIA_TYPES } from '../sound-files/probe.ts';
import { createAceStepWire } from './ace-step.ts';
import { createLocalAiWire } from './local-ai.ts';
import { readOrders } from './order.ts';
import type { SoundModel, SoundSettings } from './settings.ts';
import { createTemplateWire } from './template-wire.ts';
import type { SoundOrder, SoundWire } from './wire.ts';

type SoundSeams = Pick<Seams, 'timers' | 'random'>;

/** Half as long as asked is still an answer; models round, and some know one length only. */
const SHORTEST_SHARE = 0.5;
const SPARE_SECONDS = 60;
/** Of one sound, while its end has not come. */
const PROGRESS_MAX = 0.99;

export function createSoundEngine(
  settings: SoundSettings,
  seams: SoundSeams = systemSeams,
): Engine {
  const { timers, random } = seams;
  const { url, apiKey, resultBytesMax: bytesMax } = settings;
  const closing = new AbortController();
  const caller = createCaller({ url, apiKey, bytesMax, timers });
  const wire = createWire(settings, caller, seams, closing.signal);
  const loaded = new LoadedModels(settings.models, 'sound server', timers);
  /** Milliseconds for a second of sound, as the last one took. */
  const paces = new Map<string, number>();

  const makeOne = async (
    order: SoundOrder,
    tell: (fraction: number) => void,
    signal: AbortSignal,
  ): Promise<EngineOutput> => {
    const { model, seconds, format, seed } = order;
    const startedAt = timers.now();
    const expectedMs = (paces.get(model.id) ?? model.runMs / model.seconds) * seconds;
    const making = wire.make(order, wire.knowsProgress ? tell : null, signal);
    const bytes = wire.knowsProgress
      ? await making
      : await withEstimate(making, expectedMs, timers, tell);
    const sound = acceptSound(bytes, {
      format,
      secondsMin: seconds * SHORTEST_SHARE,
      secondsMax: seconds * 2 + SPARE_SECONDS,
    });
    paces.set(model.id, (timers.now() - startedAt) / seconds);
    return {
      mediaType: MEDIA_TYPES[format],
      bytes: sound.bytes,
      seconds: sound.facts.seconds,
      facts: { format, asked_seconds: seconds, ...(wire.takesSeed && { seed }) },
    };
  };

  return {
    name: settings.name,
    concurrency: 1,
    probe: () => wire.probe(closing.signal),
    models: async () => settings.models.map((model) => offerOf(model, settings.name)),
    load: (id, signal) =>
      loaded.load(id, (model) => wire.load(model, AbortSignal.any([signal, closing.signal]))),
    unload: (id) => loaded.unload(id, (model) => wire.unload(model, closing.signal)),
    run: async (job, report, signal) => {
      const model = loaded.forJob(job);
      signal.throwIfAborted();
      const orders = readOrders(job, model, random);
      report({ type: 'started' });
      return makeAll(orders, report, AbortSignal.any([signal, closing.signal]));
    },
    close: async () =>
      closing.abort(new EngineFailure('engineUnreachable', 'The engine was closed.')),
  };

  async function makeAll(
    orders: readonly SoundOrder[],
    report: (update: EngineUpdate) => void,
    signal: AbortSignal,
  ): Promise<readonly EngineOutput[]> {
    const outputs: EngineOutput[] = [];
    let highest = 0;
    const tell = (fraction: number) => {
      // A server may count from the start again, for instance after planning.
      highest = Math.max(highest, (outputs.length + fraction) / orders.length);
      report({ type: 'progress', fraction: highest });
    };
    for (const order of orders) {
      const tellBefore = (fraction: number) => tell(Math.min(PROGRESS_MAX, fraction));
      outputs.push(await makeOne(order, tellBefore, signal));
      tell(0);
    }
    return outputs;
  }
}

function createWire(
  settings: SoundSettings,
  caller: Caller,
  { timers }: SoundSeams,
  closing: AbortSignal,
): SoundWire {
  const { wire } = settings;
  switch (wire.kind) {
    case 'ace-step':
      return createAceStepWire(settings, wire, caller, timers, closing);
    case 'local-ai':
      return createLocalAiWire(settings, caller);
    case 'template':
      return createTemplateWire(settings, wire, caller);
  }
}

const offerOf = (model: SoundModel, engine: string): ModelOffer => {
  const { id, name, description, vramBytes, loadMs, runMs } = model;
  const { seconds, secondsMin, secondsMax, charactersMax, countMax } = model;
  return {
    ...{ id, name, engine, modality: 'audio', description, vramBytes, loadMs, runMs },
    limits: {
      ...{ secondsMax, charactersMax, countMax },
      ranges: { seconds: { min: secondsMin, max: secondsMax } },
    },
    seconds,
    styles: [],
    voices: [],
    formats: [...model.formats],
  };
};
