// The four engines of the day, each the real adapter before its simulated server, on one card.
import { createComfyuiEngine } from '../../adapters/worker/engines/comfyui/engine.ts';
import { startComfySimulator } from '../../adapters/worker/engines/comfyui/simulator/server.ts';
import { createKoboldcppEngine } from '../../adapters/worker/engines/koboldcpp/engine.ts';
import { koboldcppSettings } from '../../adapters/worker/engines/koboldcpp/settings.ts';
import { KoboldSimulator } from '../../adapters/worker/engines/koboldcpp/simulator.ts';
import { createSpeechEngine } from '../../adapters/worker/engines/speech/engine.ts';
import { speechSettings } from '../../adapters/worker/engines/speech/settings.ts';
import { startSpeechServer } from '../../adapters/worker/engines/speech/simulator.ts';
import { createWhisperEngine } from '../../adapters/worker/engines/whisper/engine.ts';
import { whisperSettings } from '../../adapters/worker/engines/whisper/settings.ts';
import { WhisperCppSimulator } from '../../adapters/worker/engines/whisper/simulator.ts';
import { GIB, type SimulatedCard } from './card.ts';
import { engineOnCard, type CardEngine, type Server } from './engine-on-card.ts';

const FILES = {
  checkpoints: ['sd_xl_base_1.0.safetensors'],
  diffusion_models: ['flux1-dev.safetensors', 'wan2.2_ti2v_5B_fp16.safetensors'],
  text_encoders: [
    'clip_l.safetensors',
    't5xxl_fp8_e4m3fn.safetensors',
    'umt5_xxl_fp8_e4m3fn_scaled.safetensors',
  ],
  vae: ['ae.safetensors', 'wan2.2_vae.safetensors'],
};
const WORKFLOWS = ['sdxl', 'flux-dev', 'wan-2.2-5b'];
const STEP_MS = 8;

export interface House {
  readonly engines: readonly CardEngine[];
  /** What can go wrong inside an engine, by name. */
  readonly troubles: Readonly<Record<string, () => void>>;
  close(): Promise<void>;
}

/** A new process knows nothing of the old one's trouble. */
const afresh = (server: Server, forget: () => void) => async (): Promise<void> => {
  forget();
  await server.restart();
};

export async function openHouse(card: SimulatedCard): Promise<House> {
  const comfy = await startComfySimulator({ folders: FILES });
  comfy.knobs.stepMs = STEP_MS;
  const kobold = await KoboldSimulator.start({
    launch: { name: 'tiny', contextTokens: 4096 },
    files: {
      'writer.gguf': { name: 'writer', contextTokens: 8192 },
      'poet.gguf': { name: 'poet', contextTokens: 8192 },
    },
  });
  const whisper = await WhisperCppSimulator.start({ models: ['/models/small.bin'] });
  const voice = await startSpeechServer('kokoro');
  const koboldModel = (id: string, gib: number) => ({
    ...{ id, name: id, file: `${id}.gguf`, vramBytes: gib * GIB },
  });
  const words = { name: 'words', description: 'Hears.', vramBytes: 3 * GIB };
  const says = { name: 'says', description: 'Speaks.', vramBytes: 2 * GIB };
  const engines = [
    await engineOnCard(
      'comfyui',
      card,
      await createComfyuiEngine({ url: comfy.url, workflows: WORKFLOWS }),
      comfy.simulator,
    ),
    await engineOnCard(
      'koboldcpp',
      card,
      createKoboldcppEngine(
        koboldcppSettings.parse({
          url: kobold.url,
          models: [koboldModel('writer', 6), koboldModel('poet', 8)],
        }),
      ),
      {
        kill: () => kobold.server.kill(),
        restart: afresh(kobold.server, () => (kobold.isOutOfMemory = false)),
      },
    ),
    await engineOnCard(
      'whisper',
      card,
      createWhisperEngine(
        whisperSettings.parse({ url: whisper.url, models: [{ id: 'whisper-small', ...words }] }),
      ),
      whisper.server,
    ),
    await engineOnCard(
      'speech',
      card,
      createSpeechEngine(
        speechSettings.parse({
          url: voice.simulator.url,
          flavour: 'kokoro',
          models: [{ id: 'voice', model: 'kokoro', ...says }],
        }),
      ),
      {
        kill: () => voice.simulator.kill(),
        restart: afresh(voice.simulator, () => (voice.mishaps.isOutOfMemory = false)),
      },
    ),
  ];
  return {
    engines,
    troubles: {
      'a picture runs out of memory': () => comfy.runOutOfMemory(1),
      'a text runs out of memory': () => (kobold.isOutOfMemory = true),
      'speech runs out of memory': () => (voice.mishaps.isOutOfMemory = true),
      'an inference fails': () => (whisper.isFailing = true),
      'a picture hangs': () => comfy.simulator.misbehave(/\/view$/, 'hang'),
      'speech hangs': () => voice.simulator.misbehave(/\/speech$/, 'hang'),
      'all lines break': () => {
        for (const server of [comfy.simulator, kobold.server, voice.simulator])
          server.cutConnections();
      },
      'ComfyUI says nothing for a while': () => {
        comfy.simulator.silence(true);
        setTimeout(() => comfy.simulator.silence(false), 2_000).unref();
      },
    },
    async close() {
      for (const engine of engines) await engine.close();
    },
  };
}
