// What an operator writes for one ComfyUI server in the worker's engines file.
import { z } from 'zod';
import { loraList } from '../../loras/lora-list.ts';
import { modelFile } from './workflow.ts';

export const comfyuiSettings = z.strictObject({
  /** Where the server answers, such as `http://127.0.0.1:8188`. It has no password: keep it on loopback. */
  url: z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, '')),
  /** A folder of your own with workflow files; one with the id of a built-in workflow takes its place. */
  workflowsFolder: z.string().min(1).optional(),
  /** Only these workflows are offered; all that the server can run where nothing is said. */
  workflows: z.array(z.string()).optional(),
  /** Names of model files in the workflows -> what they are called on this server. */
  files: z.record(z.string(), modelFile).default({}),
  /** Adaptations people may name, and the workflows that each of them fits. */
  loras: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(64),
        /** In the server's `loras` folder. */
        file: modelFile,
        workflows: z.array(z.string()).min(1),
      }),
    )
    .max(500)
    .default([]),
  /** More of them, fetched when a job needs one. `models` of the list names workflows. */
  loraCache: z
    .strictObject({
      /** The server's `loras` folder, as this worker sees it. */
      folder: z.string().min(1),
      /** The longest unused goes when they are more. */
      bytesMax: z.number().int().positive(),
      list: loraList,
    })
    .optional(),
  /** Pictures of the unfinished work. They cost the server a little; `--preview-method` decides how good they are. */
  previews: z.boolean().default(true),
  /** A result above this is refused rather than kept in memory. */
  outputBytesMax: z
    .number()
    .int()
    .positive()
    .default(512 * 1024 * 1024),
});
export type ComfyuiSettings = z.infer<typeof comfyuiSettings>;
export type ComfyuiSettingsInput = z.input<typeof comfyuiSettings>;
