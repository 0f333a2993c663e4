// Everything `tessera worker --check` looks at, and what it says of it. Facts are gathered in one place and
// judged in another, so that every judgement can be tested without the machine it speaks of.
import type { KindName } from '../config/engine-kinds.ts';
import type { GpuCard, GpuReport } from '../gpu.ts';

export interface Finding {
  /** `missing`: the worker cannot do its work without. `warning`: it can, and somebody should know. */
  readonly level: 'missing' | 'warning' | 'fine';
  readonly about: string;
  /** What is, and what to do about it. */
  readonly sentence: string;
}

export interface Facts {
  readonly machine: MachineFacts;
  readonly gpu: GpuReport & { readonly wanted: string | null; readonly chosen: GpuCard | null };
  readonly podman: PodmanFacts;
  readonly disks: readonly DiskFacts[];
  readonly file: { readonly path: string | null; readonly sentences: readonly string[] };
  readonly engines: readonly EngineFacts[];
  readonly runtime: RuntimeFacts;
}

export interface MachineFacts {
  readonly node: string;
  readonly isWsl: boolean;
  /** The driver's library that Windows lends. */
  readonly hasWslLibrary: boolean;
}

export interface PodmanFacts {
  readonly version: string | null;
  /** A file in one of the usual folders that names `nvidia.com/gpu`. */
  readonly hasCdiSpec: boolean;
  /** Of those that the engines file asks for. */
  readonly missingImages: readonly string[];
  readonly isRoot: boolean;
}

export interface DiskFacts {
  readonly what: 'models' | 'results';
  readonly folder: string;
  /** Null: there is no such folder. */
  readonly freeBytes: number | null;
}

export interface EngineFacts {
  readonly name: string;
  readonly kind: KindName;
  readonly url: string | null;
  readonly start: 'podman' | 'command' | null;
  readonly usesCard: boolean;
  /** The program of `start.command`, where it is nowhere to be found. */
  readonly missingProgram: string | null;
  readonly isListening: boolean;
  /** What the server says it is; null: nothing that is known. */
  readonly seen: string | null;
  /** Why it cannot serve; null: it can, or nobody listens. */
  readonly problem: string | null;
  readonly lacks: readonly string[];
  readonly isRemote: boolean;
  /** It listens for other machines, too; null: cannot be told. */
  readonly isOpen: boolean | null;
}

export interface RuntimeFacts {
  readonly url: string;
  /** Why it cannot be reached; null: it can. */
  readonly problem: string | null;
  readonly key: 'accepted' | 'refused' | 'none' | 'token' | 'unknown';
  /** This machine's clock minus that of the runtime; whole seconds. */
  readonly skewMs: number | null;
}
