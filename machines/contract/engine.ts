// The engine port: what every engine adapter implements and what the conformance suite checks.
// An engine translates; it keeps no policy and makes no decision about retries or placement.
import type { FailureCode } from './failures.ts';
import type { Modality, ModelOffer } from './models.ts';
import type { JobParams } from './requests.ts';

/** One attempt's worth of work. It names no person: workers never learn who asked. */
export interface EngineJob {
  readonly id: string;
  readonly attempt: number;
  readonly model: string;
  readonly modality: Modality;
  readonly prompt: string;
  readonly params: JobParams;
  readonly count: number;
  readonly inputs: readonly { readonly role: string; readonly bytes: Uint8Array }[];
  /** Tried once more after running out of memory: rather slow than large, and still what was asked. */
  readonly isSafe?: boolean;
}

export type EngineUpdate =
  | { readonly type: 'started' }
  | {
      readonly type: 'progress';
      /** 0 to 1 over the whole attempt. */
      readonly fraction: number;
      readonly step?: number;
      readonly steps?: number;
      readonly preview?: { readonly mediaType: string; readonly bytes: Uint8Array };
    }
  /** Text as it is written; `index` counts from 0 without gaps. */
  | { readonly type: 'text'; readonly index: number; readonly text: string };

export interface EngineOutput {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly width?: number;
  readonly height?: number;
  readonly seconds?: number;
  /** What a person may want to know again: seed, steps, style. About 1,000 characters are kept. */
  readonly facts: Readonly<Record<string, string | number>>;
}

/** One of several jobs that share a call. */
export interface BatchMember {
  readonly job: EngineJob;
  readonly report: (update: EngineUpdate) => void;
  /** Aborted: its output is no longer wanted. The others go on as if nothing had happened. */
  readonly signal: AbortSignal;
}

export interface Engine {
  readonly name: string;
  /** Attempts it carries out at once; the arbiter sends no more. Left out: as many as the worker has slots. */
  readonly concurrency?: number;
  /** Loading `wanted` drops `loaded`: the engine has no room for both. Left out: never. */
  drops?(wanted: string, loaded: string): boolean;
  /** Resolves when the engine can serve; throws `EngineFailure` otherwise. Asked every few seconds. */
  probe(): Promise<void>;
  models(): Promise<readonly ModelOffer[]>;
  /** Idempotent. Resolves with what was measured. */
  load(model: string, signal: AbortSignal): Promise<{ loadMs: number; vramBytes: number }>;
  /** Idempotent. Resolves when the memory is free. */
  unload(model: string): Promise<void>;
  /** Of the graphics card, now; null where the engine cannot tell. */
  vramUsedBytes?(): Promise<number | null>;
  /** Rejects with `EngineFailure`, or with the signal's reason when aborted. */
  run(
    job: EngineJob,
    report: (update: EngineUpdate) => void,
    signal: AbortSignal,
  ): Promise<readonly EngineOutput[]>;
  /**
   * As many jobs of one model as its offer says, with equal batch keys, in one call. Resolves with the outputs of
   * each, in their order: what it would get alone. For one whose own signal was aborted, anything. Rejects as `run`
   * does; then no job has an output, and each is tried by itself.
   */
  runBatch?(
    members: readonly BatchMember[],
    signal: AbortSignal,
  ): Promise<readonly (readonly EngineOutput[])[]>;
  close(): Promise<void>;
}

export class EngineFailure extends Error {
  readonly code: FailureCode;
  constructor(code: FailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EngineFailure';
    this.code = code;
  }
}
