// Speech to text through a Whisper server. The recording is cut into pieces here, because a server tells nothing
// before it is done with what it was given: pieces are what progress is made of.
import {
  EngineFailure,
  type Engine,
  type EngineJob,
  type EngineOutput,
  type EngineUpdate,
} from '../../../../machines/contract/engine.ts';
import type { ModelOffer } from '../../../../machines/contract/models.ts';
import type { TranscriptParams } from '../../../../machines/contract/requests.ts';
import { systemSeams, type Timers } from '../../seams.ts';
import { hasFfmpeg } from './audio/convert.ts';
import { openRecording } from './audio/recording.ts';
import { createClient } from './client.ts';
import type { Dialect } from './dialect.ts';
import { listen } from './listening.ts';
import { createOpenai } from './openai.ts';
import type { WhisperModel, WhisperSettings } from './settings.ts';
import { write, type Transcript } from './transcript.ts';
import { createTurnstile } from './turnstile.ts';
import { createWhisperCpp } from './whisper-cpp.ts';
import { recordingOf, wishOf } from './wish.ts';

export interface WhisperSeams {
  readonly timers: Timers;
  /** Whether this machine can convert what is no plain WAV. */
  readonly hasFfmpeg: () => Promise<boolean>;
}

const NAME = 'whisper';

export function createWhisperEngine(
  settings: WhisperSettings,
  seams: Partial<WhisperSeams> = {},
): Engine {
  const { timers, hasFfmpeg: canConvert } = { timers: systemSeams.timers, hasFfmpeg, ...seams };
  const client = createClient({ url: settings.url, password: settings.password, timers });
  const dialect: Dialect =
    settings.dialect === 'openai'
      ? createOpenai(client, timers)
      : createWhisperCpp(client, settings);
  const inTurn = createTurnstile();
  /** What we were asked to keep ready; whether the server still has it, the dialect knows. */
  const ready = new Map<string, { loadMs: number; vramBytes: number }>();

  const modelOf = (id: string): WhisperModel => {
    const model = settings.models.find((each) => each.id === id);
    if (!model) throw new EngineFailure('modelMissing', `This Whisper server has no model ${id}.`);
    return model;
  };

  const load = async (id: string, signal: AbortSignal) => {
    const model = modelOf(id);
    return inTurn(async () => {
      const startedAt = timers.now();
      // Always asked for, also when it seems to be there: a server that came back quickly has forgotten it.
      await dialect.load(model, signal);
      const loadMs = Math.round(timers.now() - startedAt);
      const measured = ready.get(id) ?? { loadMs, vramBytes: model.vramBytes };
      ready.set(id, measured);
      return measured;
    }, signal);
  };

  const run = async (
    job: EngineJob,
    report: (update: EngineUpdate) => void,
    signal: AbortSignal,
  ): Promise<readonly EngineOutput[]> => {
    signal.throwIfAborted();
    const model = modelOf(job.model);
    const wish = wishOf(job, model);
    if (!ready.has(job.model))
      throw new EngineFailure('modelMissing', `${model.name} is not loaded.`);
    const limits = { secondsMax: settings.secondsMax, hasFfmpeg: await canConvert() };
    const recording = await openRecording(recordingOf(job), limits, signal);
    const transcript = await inTurn(async () => {
      report({ type: 'started' });
      if (!dialect.holds(model)) await dialect.load(model, signal);
      return listen({ dialect, settings, model, job, wish, recording, report, signal });
    }, signal);
    report({ type: 'progress', fraction: 1 });
    return [outputOf(transcript, wish.params.format)];
  };

  return {
    name: NAME,
    concurrency: 1,
    drops: () => settings.dialect === 'whisper.cpp',
    probe: dialect.probe,
    models: async () => settings.models.map((model) => offerOf(model, settings)),
    load,
    unload: async (id) => {
      const model = modelOf(id);
      await inTurn(async () => {
        if (!ready.has(id)) return;
        await dialect.unload(model);
        ready.delete(id);
      });
    },
    run,
    close: async () => ready.clear(),
  };
}

function outputOf(transcript: Transcript, format: TranscriptParams['format']): EngineOutput {
  const { language, seconds, segments } = transcript;
  return {
    ...write(transcript, format),
    facts: {
      ...(language !== null && { language }),
      recorded_seconds: Math.round(seconds * 100) / 100,
      segments: segments.length,
    },
  };
}

function offerOf(model: WhisperModel, { secondsMax }: WhisperSettings): ModelOffer {
  const { id, name, description, vramBytes, loadMs, runMs } = model;
  return {
    id,
    name,
    engine: NAME,
    modality: 'transcript',
    description,
    vramBytes,
    loadMs,
    runMs,
    limits: { secondsMax, countMax: 1 },
    styles: [],
    voices: [],
    inputs: [{ role: 'audio', kind: 'audio', isRequired: true }],
  };
}
