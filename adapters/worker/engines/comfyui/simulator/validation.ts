// How ComfyUI looks at a prompt before it takes it: node by node, from each output backwards.
import { choicesOf, type InputSpec, type NodeInfo } from './nodes.ts';

export type PromptGraph = Readonly<
  Record<
    string,
    { readonly class_type?: string; readonly inputs?: Readonly<Record<string, unknown>> }
  >
>;
interface Fault {
  readonly type: string;
  readonly message: string;
  readonly details: string;
  readonly extra_info: Readonly<Record<string, unknown>>;
}
export interface NodeFaults {
  readonly errors: readonly Fault[];
  readonly dependent_outputs: string[];
  readonly class_type: string;
}
export type Checked =
  | { readonly outputs: string[]; readonly nodeErrors: Record<string, NodeFaults> }
  | { readonly error: Fault; readonly nodeErrors: Record<string, NodeFaults> };

export interface Catalogue {
  readonly describe: (name: string) => NodeInfo | undefined;
  readonly hasInputFile: (name: string) => boolean;
}

const fault = (type: string, message: string, details = '', extra_info = {}): Fault => ({
  ...{ type, message, details, extra_info },
});

export function checkPrompt(graph: PromptGraph, catalogue: Catalogue): Checked {
  const outputs: string[] = [];
  const wrong = (message: string, id: string): Checked => ({
    error: fault('invalid_prompt', message, `Node ID '#${id}'`),
    nodeErrors: {},
  });
  for (const [id, node] of Object.entries(graph)) {
    const name = node.class_type;
    if (name === undefined)
      return wrong('Cannot execute because a node is missing the class_type property.', id);
    const info = catalogue.describe(name);
    if (info === undefined) return wrong(`Cannot execute because node ${name} does not exist.`, id);
    if (info.output_node) outputs.push(id);
  }
  if (outputs.length === 0)
    return { error: fault('prompt_no_outputs', 'Prompt has no outputs'), nodeErrors: {} };
  const nodeErrors: Record<string, NodeFaults> = {};
  const good = outputs.filter((output) => {
    const bad = [...reachable(graph, output)].map(
      (id) => [id, faultsOf(graph, id, catalogue)] as const,
    );
    for (const [id, errors] of bad) {
      if (errors.length === 0) continue;
      const class_type = graph[id]!.class_type!;
      nodeErrors[id] ??= { errors, dependent_outputs: [], class_type };
      nodeErrors[id].dependent_outputs.push(output);
    }
    return bad.every(([, errors]) => errors.length === 0);
  });
  if (good.length > 0) return { outputs: good, nodeErrors };
  const message = 'Prompt outputs failed validation';
  return { error: fault('prompt_outputs_failed_validation', message), nodeErrors };
}

export const isLink = (value: unknown): value is [string, number] =>
  Array.isArray(value) && value.length === 2;

function reachable(graph: PromptGraph, from: string, seen = new Set<string>()): Set<string> {
  if (seen.has(from) || graph[from] === undefined) return seen;
  seen.add(from);
  for (const value of Object.values(graph[from].inputs ?? {}))
    if (isLink(value)) reachable(graph, value[0], seen);
  return seen;
}

function faultsOf(graph: PromptGraph, id: string, catalogue: Catalogue): Fault[] {
  const { class_type = '', inputs = {} } = graph[id]!;
  const { input } = catalogue.describe(class_type)!;
  if (/^Load(Image|Audio)/.test(class_type) && !isLink(inputs['image'])) {
    const [name] = Object.keys(input.required ?? {});
    const file = String(inputs[name!]);
    const details = `${name} - Invalid image file: ${file}`;
    return catalogue.hasInputFile(file)
      ? []
      : [
          fault('custom_validation_failed', 'Custom validation failed for node', details, {
            input_name: name,
          }),
        ];
  }
  const required = Object.entries(input.required ?? {});
  const optional = Object.entries(input.optional ?? {}).filter(([name]) => name in inputs);
  return [...required, ...optional].flatMap(([name, spec]) => {
    if (!(name in inputs))
      return fault('required_input_missing', 'Required input is missing', name, {
        input_name: name,
      });
    return valueFaults(graph, name, spec, inputs[name], catalogue);
  });
}

function valueFaults(
  graph: PromptGraph,
  input_name: string,
  input_config: InputSpec,
  value: unknown,
  catalogue: Catalogue,
): Fault[] {
  const [type, options = {}] = input_config;
  const about = { input_name, input_config, received_value: value };
  if (Array.isArray(value)) return linkFaults(graph, input_name, input_config, value, catalogue);
  const choices = choicesOf(input_config);
  if (choices !== null)
    return choices.includes(value)
      ? []
      : [
          fault(
            'value_not_in_list',
            'Value not in list',
            `${input_name}: '${String(value)}' not in [${choices.join(', ')}]`,
            about,
          ),
        ];
  if (type !== 'INT' && type !== 'FLOAT') return [];
  const number = Number(value);
  if (Number.isNaN(number)) {
    const message = `Failed to convert an input value to a ${type} value`;
    const exception = `invalid literal for int() with base 10: '${String(value)}'`;
    const details = `${input_name}, ${String(value)}, ${exception}`;
    return [
      fault('invalid_input_type', message, details, { ...about, exception_message: exception }),
    ];
  }
  const { min, max } = options as { min?: number; max?: number };
  if (min !== undefined && number < min)
    return [
      fault(
        'value_smaller_than_min',
        `Value ${number} smaller than min of ${min}`,
        input_name,
        about,
      ),
    ];
  if (max !== undefined && number > max)
    return [
      fault(
        'value_bigger_than_max',
        `Value ${number} bigger than max of ${max}`,
        input_name,
        about,
      ),
    ];
  return [];
}

function linkFaults(
  graph: PromptGraph,
  input_name: string,
  input_config: InputSpec,
  value: unknown[],
  catalogue: Catalogue,
): Fault[] {
  const about = { input_name, input_config, received_value: value };
  if (!isLink(value)) {
    const message = 'Bad linked input, must be a length-2 list of [node_id, slot_index]';
    return [fault('bad_linked_input', message, input_name, about)];
  }
  const source = graph[value[0]];
  if (source === undefined) {
    const exception = { exception_message: `'${value[0]}'`, exception_type: 'KeyError' };
    return [
      fault(
        'exception_during_inner_validation',
        'Exception when validating inner node',
        `'${value[0]}'`,
        {
          ...{ input_name, input_config, ...exception },
          traceback: ['File "<comfy>/execution.py"'],
          linked_node: value,
        },
      ),
    ];
  }
  const [type] = input_config;
  const received = catalogue.describe(source.class_type!)!.output[value[1]];
  if (received === type || type === '*' || Array.isArray(received)) return [];
  return [
    fault(
      'return_type_mismatch',
      'Return type mismatch between linked nodes',
      `${input_name}, received_type(${String(received)}) mismatch input_type(${String(type)})`,
      { ...{ input_name, input_config, received_type: received }, linked_node: value },
    ),
  ];
}
