// What the engine needs of a server, whatever it speaks.
import type { SoundFormat } from '../sound-files/probe.ts';
import type { SoundModel } from './settings.ts';

/** One sound. */
export interface SoundOrder {
  readonly model: SoundModel;
  readonly prompt: string;
  readonly lyrics: string | undefined;
  readonly seconds: number;
  readonly seed: number;
  readonly format: SoundFormat;
  readonly isSafe: boolean;
}

export interface SoundWire {
  /** Equal seeds mean something to it. */
  readonly takesSeed: boolean;
  probe(signal: AbortSignal): Promise<void>;
  load(model: SoundModel, signal: AbortSignal): Promise<void>;
  /** False where the server cannot. */
  unload(model: SoundModel, signal: AbortSignal): Promise<boolean>;
  /** `tell` takes what the server knows of its progress, 0 to 1; null: it knows nothing, ask the clock. */
  readonly make: (
    order: SoundOrder,
    tell: ((fraction: number) => void) | null,
    signal: AbortSignal,
  ) => Promise<Uint8Array>;
  readonly knowsProgress: boolean;
}
