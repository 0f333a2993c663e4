// LocalAI: one call that lasts as long as the work. Closing it is all that stops it.
import { EngineFailure } from '../../../../machines/contract/engine.ts';
import type { Caller } from '../http-call.ts';
import { failureOf } from '../engine-answers.ts';
import type { SoundSettings } from './settings.ts';
import type { SoundWire } from './wire.ts';

export function createLocalAiWire(settings: SoundSettings, caller: Caller): SoundWire {
  return {
    takesSeed: false,
    knowsProgress: false,
    probe: async (signal) => {
      await caller.get('/readyz', { signal });
    },
    load: async ({ model }, signal) => {
      const timeoutMs = settings.loadTimeoutMs;
      const answer = await caller.ask('POST', '/backend/load', {
        body: { model },
        signal,
        timeoutMs,
      });
      // Servers from before 2026 have no such path, and load with the first request.
      const isOld = answer.status === 404 && answer.bytes.length < 200 && !saysModel(answer.bytes);
      if (answer.status >= 300 && !isOld) throw failureOf(answer);
    },
    unload: async ({ model }, signal) => {
      try {
        await caller.post('/backend/shutdown', { body: { model }, signal });
      } catch (error) {
        // What is not loaded needs no memory.
        if (!(error instanceof EngineFailure) || error.code !== 'modelMissing') throw error;
      }
      return true;
    },
    make: async ({ model, prompt, lyrics, seconds }, _tell, signal) => {
      const { bytes } = await caller.post('/v1/sound-generation', {
        body: {
          model_id: model.model,
          text: prompt,
          duration_seconds: seconds,
          ...(model.sings && { instrumental: lyrics === undefined }),
          ...(lyrics !== undefined && { lyrics }),
        },
        signal,
        timeoutMs: settings.soundTimeoutMs,
        secret: `${prompt} ${lyrics ?? ''}`,
      });
      return bytes;
    },
  };
}

const saysModel = (bytes: Uint8Array) => /model/i.test(Buffer.from(bytes).toString('latin1'));
