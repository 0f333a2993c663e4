// What ComfyUI answers, as far as it is used. Everything else in an answer is let by.
import { z } from 'zod';

const file = z.object({
  filename: z.string().min(1).max(500),
  subfolder: z.string().max(500).default(''),
  type: z.string().max(20).default('output'),
});
export type ServerFile = z.infer<typeof file>;

/** [number, id, graph, extra data, outputs to run]; 0.8.0 and later say more. */
const queued = z.tuple([z.number(), z.string()]).rest(z.unknown());
export const queue = z.object({ queue_running: z.array(queued), queue_pending: z.array(queued) });

const historyEntry = z.object({
  outputs: z.record(z.string(), z.record(z.string(), z.array(z.unknown()))),
  status: z.object({
    status_str: z.string(),
    completed: z.boolean(),
    messages: z.array(z.tuple([z.string(), z.record(z.string(), z.unknown())])),
  }),
});
export type HistoryEntry = z.infer<typeof historyEntry>;
export const history = z.record(z.string(), historyEntry);

const nodeError = z.object({
  class_type: z.string(),
  errors: z.array(
    z.object({
      type: z.string(),
      extra_info: z.object({ input_name: z.string().optional() }).optional(),
    }),
  ),
});
export const nodeErrors = z.record(z.string(), nodeError);
export type NodeErrors = z.infer<typeof nodeErrors>;

export const accepted = z.object({ prompt_id: z.string(), node_errors: nodeErrors });
export const rejected = z.object({
  error: z.object({ type: z.string(), message: z.string() }),
  node_errors: nodeErrors,
});

export const uploaded = z.object({
  name: z.string().min(1).max(300),
  subfolder: z.string().max(300),
  type: z.string().max(20),
});

export const systemStats = z.object({
  system: z.object({ comfyui_version: z.string().optional() }),
  devices: z.array(
    z.object({
      type: z.string(),
      vram_total: z.number(),
      vram_free: z.number(),
      torch_vram_total: z.number(),
      torch_vram_free: z.number(),
    }),
  ),
});
export type Device = z.infer<typeof systemStats>['devices'][number];

export const alive = z.object({ exec_info: z.object({ queue_remaining: z.number() }) });
export const fileNames = z.array(z.string());
/** Classes by name. Their inputs are not looked at: the graph is the operator's, and the server checks it. */
export const objectInfo = z.record(z.string(), z.unknown());

/** The files an output node wrote, whatever their kind is called: images, gifs, videos, audio. */
export function filesOf(output: Readonly<Record<string, readonly unknown[]>>): ServerFile[] {
  return Object.values(output)
    .flat()
    .flatMap((each) => {
      const read = file.safeParse(each);
      return read.success ? [read.data] : [];
    });
}
