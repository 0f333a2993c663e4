// The graph of one run: the workflow's own, with values at its slots. Only inputs that hold a value in the file
// get another value; nodes and links stay, except where the file itself says what takes whose place.
import type { LoraUse } from './values.ts';
import type { Graph, GraphNode, Place, Workflow } from './workflow.ts';

export interface Filling {
  readonly slots: Readonly<Record<string, string | number>>;
  readonly seed: number;
  readonly prefix: string;
  readonly loras: readonly LoraUse[];
  readonly format: string | undefined;
  readonly isSafe: boolean;
}

export function fillGraph(file: Workflow, filling: Filling): Graph {
  const graph = structuredClone(file.graph);
  if (filling.isSafe) Object.assign(graph, structuredClone(file.safe));
  const writer = filling.format === undefined ? undefined : choiceOf(file, filling.format);
  if (file.formats && writer) graph[file.formats.node] = structuredClone(writer);
  const values = { ...filling.slots, seed: filling.seed };
  for (const [name, value] of Object.entries(values))
    for (const place of file.slots[name as keyof Workflow['slots']]?.at ?? [])
      put(graph, place, value);
  for (const place of file.prefix) put(graph, place, filling.prefix);
  insertLoras(graph, file, filling.loras);
  return graph;
}

const choiceOf = ({ formats }: Workflow, format: string): GraphNode | undefined =>
  formats?.choices[format as 'flac'];

/** A node that took another's place may lack the input; then the value has no meaning there. */
function put(graph: Graph, { node, input }: Place, value: string | number): void {
  const inputs = graph[node]!.inputs;
  if (Object.hasOwn(inputs, input) && !Array.isArray(inputs[input])) inputs[input] = value;
}

/** A chain of loaders between the declared node and all that use it. */
function insertLoras(graph: Graph, file: Workflow, loras: readonly LoraUse[]): void {
  if (file.loras === undefined) return;
  const users = Object.values(graph);
  const { model, clip } = file.loras;
  let last = { model, clip };
  for (const [index, { file: lora_name, weight }] of loras.entries()) {
    const id = `lora-${index + 1}`;
    const inputs = { model: last.model, lora_name, strength_model: weight };
    graph[id] = clip
      ? { class_type: 'LoraLoader', inputs: { ...inputs, clip: last.clip!, strength_clip: weight } }
      : { class_type: 'LoraLoaderModelOnly', inputs };
    last = { model: [id, 0], clip: clip && [id, 1] };
  }
  for (const node of users)
    for (const [input, value] of Object.entries(node.inputs)) {
      if (isSame(value, model)) node.inputs[input] = last.model;
      if (clip && isSame(value, clip)) node.inputs[input] = last.clip!;
    }
}

const isSame = (value: unknown, [node, slot]: [string, number]) =>
  Array.isArray(value) && value[0] === node && value[1] === slot;
