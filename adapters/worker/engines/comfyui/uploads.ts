// Input files on their way into a graph: looked at, given a name of ours, and named as the server calls them.
import { EngineFailure } from '../../../../machines/contract/engine.ts';
import type { Client } from './client.ts';
import { sniff } from './sniff.ts';

const KINDS = { image: 'image', mask: 'image', audio: 'audio', video: 'video' } as const;

export async function uploadInputs(
  inputs: ReadonlyMap<string, Uint8Array>,
  client: Client,
  uuid: () => string,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const names: Record<string, string> = {};
  for (const [role, bytes] of inputs) {
    const kind = sniff(bytes);
    if (kind === null || !kind.serves.includes(KINDS[role as keyof typeof KINDS]))
      throw new EngineFailure('invalidInput', `The input ${role} is not a file of that kind.`);
    const { name, subfolder, type } = await client.upload(
      `${uuid()}.${kind.extension}`,
      bytes,
      signal,
    );
    const path = subfolder === '' ? name : `${subfolder}/${name}`;
    names[role] = type === 'input' ? path : `${path} [${type}]`;
  }
  return names;
}
