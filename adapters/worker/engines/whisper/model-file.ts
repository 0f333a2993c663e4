// Looks at a model before whisper.cpp does: a file that it cannot read ends its process.
import { open } from 'node:fs/promises';
import { EngineFailure } from '../../../../machines/contract/engine.ts';

/** How its own format begins, on every machine. GGUF files are for other programs. */
const MAGIC = 'lmgg';
/** The words alone take more. */
const BYTES_MIN = 64 * 1024;

/** As far as this worker can see it: without `mustExist` the path may be that of another machine or container. */
export async function checkModelFile(
  path: string,
  { mustExist }: { mustExist: boolean },
): Promise<void> {
  const file = await open(path, 'r').catch(() => null);
  if (file === null) {
    if (!mustExist) return;
    throw new EngineFailure('modelMissing', 'The file of this model is not there (`localFile`).');
  }
  try {
    const stat = await file.stat();
    const head = Buffer.alloc(MAGIC.length);
    if (stat.isFile()) await file.read(head, 0, head.length, 0);
    if (head.toString('latin1') === MAGIC && stat.size >= BYTES_MIN) return;
    throw new EngineFailure(
      'modelLoadFailed',
      'This file is no model for whisper.cpp, and would end its server. Download it again, as ggml-*.bin.',
    );
  } finally {
    await file.close();
  }
}
