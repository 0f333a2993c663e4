// ComfyUI's graphics memory. It has no calls to load and unload: a model comes with the first graph that names it
// and stays until it is pushed out, or until `/free`, which only sets a flag.
import { EngineFailure } from '../../../../machines/contract/engine.ts';
import { pause } from '../../seams.ts';
import type { Device } from './answers.ts';
import type { Server } from './prompt.ts';

const LOOK_EVERY_MS = 250;
const FREE_WITHIN_MS = 15_000;
/** What a process keeps of the card even when it holds no model. */
const RESIDUE_BYTES = 512 * 1024 * 1024;

const never = new AbortController().signal;

/** Of its first graphics card; null on a machine without, where the numbers are those of the main memory. */
export async function readCard({ client }: Server): Promise<Device | null> {
  const { devices } = await client.stats();
  return devices.find(({ type }) => type !== 'cpu') ?? null;
}

export const usedBytes = (card: Device) => card.vram_total - card.vram_free;

/** What torch holds for models and results just now. */
const heldBytes = (card: Device) => card.torch_vram_total - card.torch_vram_free;

/** Resolves when the memory is free, not when it was asked for. */
export async function freeMemory(server: Server): Promise<void> {
  const before = await readCard(server);
  await server.client.free();
  if (before === null) return;
  const freeAtLast = before.vram_free + heldBytes(before) - RESIDUE_BYTES;
  const startedAt = server.timers.now();
  for (;;) {
    const card = await readCard(server);
    if (card === null || card.vram_free >= freeAtLast || heldBytes(card) <= RESIDUE_BYTES) return;
    if (server.timers.now() - startedAt > FREE_WITHIN_MS)
      throw new EngineFailure(
        'engineError',
        'ComfyUI did not free its graphics memory. Something else runs on it, or it must be restarted.',
      );
    await pause(server.timers, LOOK_EVERY_MS, never);
  }
}
