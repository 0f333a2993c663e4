// How an engine's process comes to life, as an operator writes it: a Podman container, a command, or
// nothing at all, where somebody else runs the server.
import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { wordsFor, type Issue } from './sentences.ts';

const absolutePath = z
  .string()
  .refine(isAbsolute, 'must be a whole path, beginning with /')
  // Both separate parts of a Podman option.
  .refine((path) => !/[:,]/.test(path), 'must not contain : or ,');
const port = z.number().int().min(1).max(65_535);
const variables = z
  .record(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of a variable'),
    z.string(),
  )
  .default({});

/** Only these: whatever else Podman can do would open the container (`--privileged`, `--network host`). */
const podman = z.strictObject({
  image: z
    .string()
    .regex(/^[a-z0-9][\w.:/@-]*$/, 'must be the name of an image, such as localhost/comfyui:0.8'),
  /** For the program in the image. */
  args: z.array(z.string()).default([]),
  /** May it use the graphics card? */
  gpu: z.boolean().default(true),
  /** Published on 127.0.0.1 only; `container` is what the server listens on inside. */
  ports: z.array(z.strictObject({ host: port, container: port })).min(1),
  /** Folders of this machine; read-only unless said otherwise. */
  volumes: z
    .array(
      z.strictObject({
        host: absolutePath,
        container: absolutePath,
        isWritable: z.boolean().default(false),
      }),
    )
    .default([]),
  /** Folders inside that can be written and are forgotten; /tmp is one anyway. */
  scratch: z.array(absolutePath).default([]),
  /** Who it runs as inside: never root. */
  user: z
    .string()
    .regex(
      /^[1-9]\d*:[1-9]\d*$/,
      'must be a user and a group by number, neither 0, such as 1000:1000',
    )
    .default('1000:1000'),
  /** `internal` reaches nothing outside; `outbound` may download. */
  network: z.enum(['internal', 'outbound']).default('internal'),
  sharedMemory: z
    .string()
    .regex(/^[1-9]\d*[mg]$/, 'must be a size such as 512m or 8g')
    .default('2g'),
  env: variables,
});
export type PodmanStart = z.infer<typeof podman>;

const program = z.strictObject({
  command: z.array(z.string().min(1)).min(1),
  cwd: absolutePath.optional(),
  env: variables,
});
export type ProgramStart = z.infer<typeof program>;

export type EngineStart =
  | { readonly by: 'podman'; readonly podman: PodmanStart }
  | { readonly by: 'command'; readonly program: ProgramStart };

/** By what is there, so that a mistake inside is told as what it is and not as "neither". */
export function readStart(input: unknown): EngineStart | { issues: readonly Issue[] } {
  const has = (key: string) => typeof input === 'object' && input !== null && key in input;
  if (has('podman') === has('command')) return { issues: [NEITHER] };
  if (has('podman')) {
    const { data, error } = z.strictObject({ podman }).safeParse(input, { error: wordsFor });
    return error ? { issues: error.issues } : { by: 'podman', podman: data.podman };
  }
  const { data, error } = program.safeParse(input, { error: wordsFor });
  return error ? { issues: error.issues } : { by: 'command', program: data };
}

const NEITHER: Issue = {
  path: [],
  message: 'must have either "podman" or "command"; leave it out where the server runs by itself',
};
