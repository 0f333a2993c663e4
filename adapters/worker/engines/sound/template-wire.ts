// Any server that takes JSON and answers with sound: bytes, base64 inside of JSON, or the address of a file on the
// same server. Another server's address is refused: an engine must not choose what the worker fetches.
import { EngineFailure } from '../../../../machines/contract/engine.ts';
import { jsonOf, type EngineAnswer } from '../engine-answers.ts';
import type { Caller } from '../http-call.ts';
import type { SoundSettings, TemplateWire } from './settings.ts';
import { fillTemplate, hasSlot, textAt } from './template.ts';
import type { SoundWire } from './wire.ts';

export function createTemplateWire(
  settings: SoundSettings,
  wire: TemplateWire,
  caller: Caller,
): SoundWire {
  const { soundTimeoutMs, loadTimeoutMs } = settings;
  const { answer: form } = wire;

  const soundOf = async (answer: EngineAnswer, signal: AbortSignal): Promise<Uint8Array> => {
    if (form.as === 'bytes') return answer.bytes;
    const said = textAt(jsonOf(answer), form.pointer);
    if (form.as === 'base64') return decode(said);
    const file = await caller.get(said, { signal, timeoutMs: loadTimeoutMs });
    return file.bytes;
  };

  return {
    takesSeed: hasSlot(wire.body, 'seed'),
    knowsProgress: false,
    probe: async (signal) => {
      await caller.get(wire.healthPath, { signal });
    },
    load: async ({ model }, signal) => {
      if (wire.loadPath === undefined) return;
      await caller.post(wire.loadPath, { body: { model }, signal, timeoutMs: loadTimeoutMs });
    },
    unload: async ({ model }, signal) => {
      if (wire.unloadPath === undefined) return false;
      await caller.post(wire.unloadPath, { body: { model }, signal, timeoutMs: loadTimeoutMs });
      return true;
    },
    make: async (order, _tell, signal) => {
      const { prompt, lyrics, seconds, seed, format } = order;
      const values = { prompt, lyrics, seconds, seed, format, model: order.model.model };
      const answer = await caller.post(wire.path, {
        body: fillTemplate(wire.body, values),
        signal,
        timeoutMs: soundTimeoutMs,
        secret: `${prompt} ${lyrics ?? ''}`,
      });
      return soundOf(answer, signal);
    },
  };
}

/** With or without `data:audio/wav;base64,` before it. */
function decode(said: string): Uint8Array {
  const text = said.replace(/^data:[^,]{0,100},/, '');
  if (/^[A-Za-z0-9+/_\-\s]+={0,2}\s*$/.test(text.slice(0, 4096) + text.slice(-4096)))
    return Buffer.from(text, 'base64');
  throw new EngineFailure('outputInvalid', "The engine's answer is not base64 where it should be.");
}
