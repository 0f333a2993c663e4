// What a button of a bot does. The control plane keeps it under an id; the button carries the id alone.
import { z } from 'zod';

const job = z.string();
/** Which of the job's outputs. */
const n = z.number().int().min(0).max(9).default(0);

export const meaning = z.discriminatedUnion('do', [
  z.object({ do: z.literal('cancel'), job }),
  z.object({ do: z.literal('again'), job }),
  z.object({ do: z.literal('vary'), job, n }),
  z.object({ do: z.literal('upscale'), job, n }),
  z.object({ do: z.literal('edit'), job }),
  z.object({ do: z.literal('seed'), job, n }),
  z.object({ do: z.literal('file'), job, n }),
  /** Of a setting: this value from now on; null: as usual. */
  z.object({
    do: z.literal('set'),
    name: z.enum(['model', 'count', 'shape', 'style', 'seed', 'language']),
    value: z.union([z.string(), z.number()]).nullable(),
  }),
  /** Shows what there is to choose from. */
  z.object({ do: z.literal('choose'), name: z.string() }),
]);
export type Meaning = z.infer<typeof meaning>;
export type MeaningInput = z.input<typeof meaning>;

/** Null for what an older or newer bot meant by it. */
export function readMeaning(value: unknown): Meaning | null {
  const parsed = meaning.safeParse(value);
  return parsed.success ? parsed.data : null;
}
