// ComfyUI's own words for what went wrong -> the closed list of codes. What it says beside (the values of the
// node at fault, and with them a person's prompt) stays here.
import { EngineFailure } from '../../../../machines/contract/engine.ts';
import type { FailureCode } from '../../../../machines/contract/failures.ts';
import type { HistoryEntry, NodeErrors } from './answers.ts';

const OUT_OF_MEMORY =
  /OutOfMemory|out of memory|not enough (gpu )?memory|failed to allocate memory/i;
const FILE_GONE = /FileNotFoundError|No such file or directory|Could not find|Model in folder/i;
const CARD_LOST = /device-side assert|CUDA error|CUDA driver|GPU is lost|hipError/i;

/** The end of a prompt that is in the history; null where it succeeded. */
export function verdictOf({ status }: HistoryEntry): EngineFailure | null {
  if (status.status_str === 'success' && status.completed) return null;
  const [, data] = status.messages.find(([name]) => name === 'execution_error') ?? [];
  if (data === undefined)
    return new EngineFailure('engineError', 'Somebody else interrupted the work in ComfyUI.');
  const word = (key: string) => (typeof data[key] === 'string' ? data[key] : '');
  const [node, kind] = [clean(word('node_type')), clean(word('exception_type'))];
  const code = codeOf(node, kind, word('exception_message'));
  return new EngineFailure(code, SENTENCES[code]?.(node) ?? `ComfyUI failed in ${node} (${kind}).`);
}

function codeOf(node: string, kind: string, message: string): FailureCode {
  if (OUT_OF_MEMORY.test(kind) || OUT_OF_MEMORY.test(message)) return 'outOfMemory';
  if (CARD_LOST.test(message)) return 'engineCrashed';
  if (!/loader/i.test(node)) return 'engineError';
  return FILE_GONE.test(kind) || FILE_GONE.test(message) ? 'modelMissing' : 'modelLoadFailed';
}

const SENTENCES: Partial<Record<FailureCode, (node: string) => string>> = {
  outOfMemory: (node) => `ComfyUI ran out of memory in ${node}.`,
  engineCrashed: (node) => `ComfyUI lost the graphics card in ${node}. Restart it.`,
  modelMissing: (node) => `A model file is gone that ${node} in ComfyUI reads.`,
  modelLoadFailed: (node) => `${node} in ComfyUI could not read a model file.`,
};

/** A prompt that was not accepted, or only in part. */
export function refusalOf(type: string, errors: NodeErrors): EngineFailure {
  const faults = Object.values(errors).flatMap(({ class_type, errors: ofNode }) =>
    ofNode.map((error) => ({ node: clean(class_type), ...error })),
  );
  const missing = faults.find(
    ({ type: kind, node }) => kind === 'value_not_in_list' && /loader/i.test(node),
  );
  if (missing)
    return new EngineFailure(
      'modelMissing',
      `ComfyUI does not have the file that ${missing.node} reads (${clean(missing.extra_info?.input_name ?? '')}).`,
    );
  if (type === 'invalid_prompt' || type === 'missing_node_type')
    return new EngineFailure(
      'modelMissing',
      'ComfyUI does not have a node that this workflow uses.',
    );
  const [{ node, type: kind } = { node: 'the graph', type: clean(type) }] = faults;
  return new EngineFailure('engineError', `ComfyUI does not accept ${node}: ${clean(kind)}.`);
}

const clean = (text: string) => text.replace(/[^\w. -]/g, '').slice(0, 80);
