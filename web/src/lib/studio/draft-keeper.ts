// The draft survives a reload. What was stored is somebody's old data: it is checked before use.
import type { Modality } from '../../../../machines/contract/models.ts';
import { MODALITY_WORDS } from '../words/modalities.ts';
import { type Draft, EMPTY_DRAFT } from './draft.ts';
import type { DraftStore } from './stores.ts';

const NAME = 'tessera.draft.1';

export function keepDraft(store: DraftStore): () => void {
  const kept = restored(read());
  if (kept) store.trigger.replaced({ draft: kept });
  const { unsubscribe } = store.subscribe(({ context }) => write(JSON.stringify(context)));
  return unsubscribe;
}

export function restored(text: string | null): Draft | null {
  if (text === null) return null;
  try {
    const kept = JSON.parse(text) as Partial<Draft> | null;
    const known = MODALITY_WORDS.some(({ id }) => id === kept?.modality);
    if (!kept || !known || typeof kept.prompt !== 'string') return null;
    return {
      modality: kept.modality as Modality,
      prompt: kept.prompt,
      count: typeof kept.count === 'number' ? kept.count : 1,
      models: { ...kept.models },
      params: { ...EMPTY_DRAFT.params, ...kept.params },
      styles: { ...kept.styles },
      recording: kept.recording ?? null,
    };
  } catch {
    return null;
  }
}

// Storage may be switched off or full; then the draft is simply not kept.
function read(): string | null {
  try {
    return localStorage.getItem(NAME);
  } catch {
    return null;
  }
}

function write(text: string): void {
  try {
    localStorage.setItem(NAME, text);
  } catch {
    return;
  }
}
