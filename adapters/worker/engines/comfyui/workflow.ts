// What a workflow file is: a graph in ComfyUI's API format, and the list of places that a request may fill. What
// is not a slot stays as its author wrote it, whatever a request says.
import { z } from 'zod';
import { modality, modelLimits } from '../../../../machines/contract/models.ts';

/** Inside the server's model folders; never out of them. */
export const modelFile = z
  .string()
  .min(1)
  .max(300)
  .regex(/^[^/\\]/, 'must be relative to its folder')
  .refine((file) => !file.split(/[/\\]/).includes('..'), 'must not contain ".."');

const link = z.tuple([z.string(), z.number().int().nonnegative()]);
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const graphNode = z.strictObject({
  class_type: z.string().min(1),
  inputs: z.record(z.string(), z.union([scalar, link])),
  _meta: z.strictObject({ title: z.string() }).optional(),
});
export type GraphNode = z.infer<typeof graphNode>;
export type Graph = Record<string, GraphNode>;

const place = z.strictObject({ node: z.string(), input: z.string() });
export type Place = z.infer<typeof place>;
const places = z.array(place).min(1);

const textSlot = z.strictObject({ at: places, default: z.string().optional() });
const numberSlot = z.strictObject({
  at: places,
  min: z.number(),
  max: z.number(),
  default: z.number().optional(),
  /** Rounded down to a multiple of it, such as 16 for a side; plus `offset`, as in 4n + 1 frames. */
  multipleOf: z.number().positive().optional(),
  offset: z.number().optional(),
  /** What the input wants is so many times what the person says. */
  times: z.number().optional(),
});
const fileSlot = z.strictObject({ at: places, isRequired: z.boolean().default(true) });
export type NumberSlot = z.infer<typeof numberSlot>;

export const TEXT_SLOTS = ['prompt', 'negative_prompt', 'lyrics'] as const;
export const INTEGER_SLOTS = ['width', 'height', 'seed', 'steps', 'frames'] as const;
export const NUMBER_SLOTS = ['guidance', 'strength', 'scale', 'seconds', 'fps'] as const;
export const FILE_SLOTS = ['image', 'mask', 'audio', 'video'] as const;

const optional = <K extends string, T extends z.ZodType>(names: readonly K[], slot: T) =>
  Object.fromEntries(names.map((name) => [name, slot.optional()])) as Record<K, z.ZodOptional<T>>;

const slots = z.strictObject({
  ...optional(TEXT_SLOTS, textSlot),
  ...optional(INTEGER_SLOTS, numberSlot),
  ...optional(NUMBER_SLOTS, numberSlot),
  ...optional(FILE_SLOTS, fileSlot),
});

export const workflow = z
  .strictObject({
    id: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
    name: z.string().min(1).max(100),
    description: z.string().min(1).max(500),
    modality: modality.extract(['image', 'video', 'audio']),
    /** Files that must lie in the server's model folders. Nodes are read from the graph. */
    needs: z.array(z.strictObject({ folder: z.string().regex(/^[a-z0-9_]+$/), file: modelFile })),
    limits: modelLimits.default({}),
    /** Estimates until something has been measured. */
    vramBytes: z.number().int().nonnegative(),
    loadMs: z.number().nonnegative().default(0),
    runMs: z.number().positive(),
    /** Words around the prompt, by the name of the style. */
    styles: z
      .record(
        z.string().min(1).max(64),
        z.strictObject({
          before: z.string().default(''),
          after: z.string().default(''),
          negative: z.string().default(''),
        }),
      )
      .default({}),
    slots,
    /** Where the file name of the result begins; the job's id is written here. */
    prefix: places,
    /** Where adaptations are put in: between this node and all that use its model (and its text encoder). */
    loras: z.strictObject({ model: link, clip: link.optional() }).optional(),
    /** Of audio: the node that writes the file, in each format. */
    formats: z
      .strictObject({
        node: z.string(),
        choices: z.partialRecord(z.enum(['wav', 'mp3', 'flac', 'opus']), graphNode),
      })
      .optional(),
    /** Nodes to take instead, after the memory did not suffice. */
    safe: z.record(z.string(), graphNode).default({}),
    graph: z.record(z.string(), graphNode),
  })
  .superRefine((file, context) => {
    for (const { path, node, input } of placesOf(file)) {
      const value = file.graph[node]?.inputs[input];
      const message =
        file.graph[node] === undefined
          ? `names node ${node}, which the graph does not have`
          : value === undefined
            ? `names input ${input}, which node ${node} does not have`
            : Array.isArray(value)
              ? `names input ${input} of node ${node}, which is a link and not a value`
              : null;
      if (message !== null) context.addIssue({ code: 'custom', path, message });
    }
    for (const [path, replaced] of replacementsOf(file))
      if (file.graph[replaced] === undefined)
        context.addIssue({
          code: 'custom',
          path,
          message: `names node ${replaced}, not in the graph`,
        });
    for (const [id, node] of Object.entries(file.graph))
      for (const [input, value] of Object.entries(node.inputs))
        if (Array.isArray(value) && file.graph[value[0]] === undefined)
          context.addIssue({
            code: 'custom',
            path: ['graph', id, 'inputs', input],
            message: `is a link to node ${value[0]}, which the graph does not have`,
          });
  });
export type Workflow = z.infer<typeof workflow>;

/** Every place that a request may fill. */
export function placesOf(file: Pick<Workflow, 'slots' | 'prefix'>) {
  const filled = Object.entries(file.slots).flatMap(([name, slot]) =>
    (slot?.at ?? []).map((at, index) => ({ ...at, path: ['slots', name, 'at', index] })),
  );
  return [...filled, ...file.prefix.map((at, index) => ({ ...at, path: ['prefix', index] }))];
}

function replacementsOf(file: Pick<Workflow, 'loras' | 'formats' | 'safe'>): [string[], string][] {
  return [
    ...Object.keys(file.safe).map((id): [string[], string] => [['safe', id], id]),
    ...(file.formats ? [[['formats', 'node'], file.formats.node] as [string[], string]] : []),
    ...(file.loras ? [[['loras', 'model'], file.loras.model[0]] as [string[], string]] : []),
    ...(file.loras?.clip ? [[['loras', 'clip'], file.loras.clip[0]] as [string[], string]] : []),
  ];
}
