// Adaptations people may name: those that lie in ComfyUI's folder, and those that are fetched into it on demand.
import { createLoraCache } from '../../loras/cache.ts';
import { fileNameOf } from '../../loras/shelf.ts';
import type { Seams } from '../../seams.ts';
import { hasFile, type Inventory } from './needs.ts';
import type { ComfyuiSettings } from './settings.ts';
import type { LoraUse } from './values.ts';

export interface Adaptations {
  at(stock: Inventory): ComfyuiSettings['loras'];
  /** Resolves when all are there; they stay until what it answers is called. */
  hold(uses: readonly LoraUse[], signal: AbortSignal): Promise<() => void>;
  close(): Promise<void>;
}

export async function openAdaptations(
  { loras, loraCache }: ComfyuiSettings,
  { fetch, timers }: Pick<Seams, 'fetch' | 'timers'>,
): Promise<Adaptations> {
  const cache = loraCache && (await createLoraCache({ ...loraCache, fetch, timers }));
  const fetched = (cache?.loras ?? []).map(({ name, sha256, models }) => ({
    name,
    file: fileNameOf(sha256),
    workflows: models,
  }));

  const hold: Adaptations['hold'] = async (uses, signal) => {
    const wanted = fetched.filter(({ file }) => uses.some((use) => use.file === file));
    const brought = await Promise.allSettled(wanted.map(({ name }) => cache!.use(name, signal)));
    const release = () => {
      for (const each of brought) if (each.status === 'fulfilled') each.value.release();
    };
    const failed = brought.find((each) => each.status === 'rejected');
    if (failed) {
      release();
      throw failed.reason;
    }
    return release;
  };

  return {
    at: (stock) => [...loras.filter(({ file }) => hasFile(stock.files, 'loras', file)), ...fetched],
    hold,
    close: async () => cache?.close(),
  };
}
