// The adaptations that an operator offers, as they are written down: where each comes from, and by which hash it
// is known. The hash is what is trusted, the address is not.
import { z } from 'zod';

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** Over TLS; in the clear only on this machine. */
export function isAllowed(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.has(url.hostname));
}

const source = z
  .string()
  .max(2_000)
  .refine(
    (value) => value.startsWith('/') || (URL.canParse(value) && isAllowed(new URL(value))),
    'is neither an https address nor the whole path of a file on this machine',
  );

export const loraList = z
  .array(
    z.strictObject({
      /** What people write in `params.loras`. */
      name: z.string().min(1).max(64),
      /** `https://…`, or the path of a file on this machine. */
      url: source,
      sha256: z.string().regex(/^[0-9a-f]{64}$/, 'is not a SHA-256 in lower-case hex'),
      /** Its size, for servers that do not tell it beforehand. */
      bytes: z.number().int().positive().optional(),
      /** Models or families of models that it was made for. */
      models: z.array(z.string().min(1).max(64)).max(100).default([]),
    }),
  )
  .max(1_000)
  .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, 'names one twice');

export type Lora = z.infer<typeof loraList>[number];
