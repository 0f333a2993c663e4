// Outputs of ended attempts, on disk until the runtime has settled them. Memory would do for pictures,
// not for an hour of video while the runtime is away.
import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineFailure, type EngineOutput } from '../../machines/contract/engine.ts';
import { output, type Output } from '../../machines/contract/worker-protocol.ts';

export interface StoredOutput {
  readonly path: string;
  readonly told: Output;
}

export interface Results {
  /** Throws `EngineFailure` when an output cannot be what it says it is. */
  keep(key: string, outputs: readonly EngineOutput[]): Promise<StoredOutput[]>;
  forget(key: string): Promise<void>;
  clear(): Promise<void>;
}

export function openResults(folder: string): Results {
  const root = join(folder, 'results');
  const folderOf = (key: string) => join(root, encodeURIComponent(key));
  return {
    keep: async (key, outputs) => {
      if (outputs.length === 0)
        throw new EngineFailure('outputMissing', 'The engine ended without an output.');
      await mkdir(folderOf(key), { recursive: true });
      return Promise.all(
        outputs.map(async (made, index) => {
          const { bytes, ...facts } = made;
          const hash = createHash('sha256').update(bytes).digest('hex');
          const told = output.safeParse({
            ...facts,
            blob: `sha256:${hash}`,
            bytes: bytes.byteLength,
          });
          if (!told.success) {
            throw new EngineFailure(
              'outputInvalid',
              `Output ${index} breaks the protocol: ${told.error.message}`,
            );
          }
          const path = join(folderOf(key), String(index));
          await writeFile(path, bytes);
          return { path, told: told.data };
        }),
      );
    },
    forget: (key) => rm(folderOf(key), { recursive: true, force: true }),
    // Whatever an earlier boot left belongs to an epoch that is fenced off.
    clear: () => rm(root, { recursive: true, force: true }),
  };
}
