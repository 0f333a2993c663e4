// Results: fetched at once (anybody can overwrite a file by its name), and looked at before they are believed.
import sharp from 'sharp';
import {
  EngineFailure,
  type EngineJob,
  type EngineOutput,
} from '../../../../machines/contract/engine.ts';
import { filesOf, type HistoryEntry } from './answers.ts';
import { NoAnswer, type Client } from './client.ts';
import { sniff } from './sniff.ts';

/** ComfyUI reused a result of before, and its file is no longer there. */
export class ReusedFileGone extends Error {}

export interface Collecting {
  readonly client: Client;
  readonly job: EngineJob;
  readonly bytesMax: number;
  readonly facts: EngineOutput['facts'];
  readonly signal: AbortSignal;
}

/** A prompt makes one result; more than one file is told as many results. */
const FILES_MAX = 16;

export async function collect(entry: HistoryEntry, options: Collecting): Promise<EngineOutput[]> {
  const found = Object.entries(entry.outputs).flatMap(([node, output]) =>
    filesOf(output).map((file) => ({ node, file })),
  );
  const lasting = found.filter(({ file }) => file.type === 'output');
  const wanted = (lasting.length > 0 ? lasting : found).slice(0, FILES_MAX);
  if (wanted.length === 0)
    throw new EngineFailure('outputMissing', 'ComfyUI finished without a result.');
  const reused = reusedNodesOf(entry);
  const outputs: EngineOutput[] = [];
  for (const { node, file } of wanted) {
    const bytes = await fetchFile(options, file);
    if (bytes === null && reused.has(node)) throw new ReusedFileGone();
    if (bytes === null)
      throw new EngineFailure(
        'outputMissing',
        'The result is gone from ComfyUI before it was fetched.',
      );
    outputs.push(await outputOf(bytes, options));
  }
  return outputs;
}

function reusedNodesOf({ status }: HistoryEntry): ReadonlySet<unknown> {
  const [, data] = status.messages.find(([name]) => name === 'execution_cached') ?? [];
  return new Set(Array.isArray(data?.['nodes']) ? data['nodes'] : []);
}

/** Reading again what was cut off changes nothing on the server. */
async function fetchFile(
  { client, bytesMax, signal }: Collecting,
  file: Parameters<Client['view']>[0],
) {
  try {
    return await client.view(file, bytesMax, signal);
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    return client.view(file, bytesMax, signal);
  }
}

async function outputOf(bytes: Uint8Array, { job, facts }: Collecting): Promise<EngineOutput> {
  const kind = sniff(bytes);
  if (kind === null || !kind.serves.includes(job.modality))
    throw new EngineFailure(
      'outputInvalid',
      'ComfyUI delivered a file that is damaged or of another kind.',
    );
  if (!kind.mediaType.startsWith('image/')) return { mediaType: kind.mediaType, bytes, facts };
  const { width, height } = await sizeOf(bytes);
  return { mediaType: kind.mediaType, bytes, width, height, facts };
}

async function sizeOf(bytes: Uint8Array): Promise<{ width: number; height: number }> {
  try {
    const { width, height, pageHeight } = await sharp(bytes, { animated: true }).metadata();
    return { width, height: pageHeight ?? height };
  } catch (cause) {
    throw new EngineFailure('outputInvalid', 'ComfyUI delivered a damaged picture.', { cause });
  }
}
