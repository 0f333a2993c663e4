// What comes over ComfyUI's WebSocket, as far as it says something about a run. Other kinds are let by: custom
// nodes send their own.
import { z } from 'zod';

export type ServerEvent =
  | { readonly type: 'status' }
  | { readonly type: 'started'; readonly id: string }
  | { readonly type: 'cached'; readonly id: string; readonly nodes: readonly string[] }
  /** Null: the prompt has ended. After a reconnect it comes without the prompt's id. */
  | { readonly type: 'executing'; readonly id: string | null; readonly node: string | null }
  | {
      readonly type: 'progress';
      readonly id: string | null;
      readonly nodes: readonly NodeProgress[];
    }
  | { readonly type: 'ended'; readonly id: string }
  | {
      readonly type: 'preview';
      /** Old servers do not say whose it is. */
      readonly id: string | null;
      readonly mediaType: string;
      readonly bytes: Uint8Array;
    };

export interface NodeProgress {
  readonly node: string;
  readonly value: number;
  readonly max: number;
  readonly isDone: boolean;
}

const id = z.string();
const count = z.number();
const message = z.discriminatedUnion('type', [
  z.object({ type: z.literal('status') }),
  z.object({ type: z.literal('execution_start'), data: z.object({ prompt_id: id }) }),
  z.object({
    type: z.literal('execution_cached'),
    data: z.object({ prompt_id: id, nodes: z.array(z.string()) }),
  }),
  z.object({
    type: z.literal('executing'),
    data: z.object({ prompt_id: id.nullish(), node: z.string().nullish() }),
  }),
  z.object({
    type: z.literal('progress'),
    data: z.object({
      value: count,
      max: count,
      prompt_id: id.nullish(),
      node: z.string().nullish(),
    }),
  }),
  z.object({
    type: z.literal('progress_state'),
    data: z.object({
      prompt_id: id,
      nodes: z.record(z.string(), z.object({ value: count, max: count, state: z.string() })),
    }),
  }),
  z.object({
    type: z.enum(['execution_success', 'execution_error', 'execution_interrupted']),
    data: z.object({ prompt_id: id }),
  }),
]);

export function parseText(text: string): ServerEvent | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  const { data: read } = message.safeParse(json);
  if (read === undefined) return null;
  switch (read.type) {
    case 'status':
      return { type: 'status' };
    case 'execution_start':
      return { type: 'started', id: read.data.prompt_id };
    case 'execution_cached':
      return { type: 'cached', id: read.data.prompt_id, nodes: read.data.nodes };
    case 'executing':
      return {
        type: 'executing',
        id: read.data.prompt_id ?? null,
        node: read.data.node ?? null,
      };
    case 'progress': {
      const { node, value, max, prompt_id } = read.data;
      const nodes = typeof node === 'string' ? [{ node, value, max, isDone: false }] : [];
      return { type: 'progress', id: prompt_id ?? null, nodes };
    }
    case 'progress_state': {
      const nodes = Object.entries(read.data.nodes).map(([node, { value, max, state }]) => ({
        node,
        value,
        max,
        isDone: state === 'finished',
      }));
      return { type: 'progress', id: read.data.prompt_id, nodes };
    }
    default:
      return { type: 'ended', id: read.data.prompt_id };
  }
}

const PREVIEW = 1;
const PREVIEW_WITH_METADATA = 4;
const metadata = z.object({ prompt_id: id, image_type: z.string() });

/** A 4-byte kind, then what belongs to it. */
export function parseBinary(frame: Buffer): ServerEvent | null {
  if (frame.length < 8) return null;
  const kind = frame.readUInt32BE(0);
  if (kind === PREVIEW) return preview(null, frame.subarray(8));
  if (kind !== PREVIEW_WITH_METADATA) return null;
  const length = frame.readUInt32BE(4);
  if (8 + length >= frame.length) return null;
  try {
    const { prompt_id } = metadata.parse(JSON.parse(frame.toString('utf8', 8, 8 + length)));
    return preview(prompt_id, frame.subarray(8 + length));
  } catch {
    return null;
  }
}

/** By its first bytes, not by what the frame calls it. */
function preview(of: string | null, bytes: Buffer): ServerEvent | null {
  const head = bytes.toString('latin1', 0, 4);
  const mediaType = head.startsWith('\xff\xd8')
    ? 'image/jpeg'
    : head === '\x89PNG'
      ? 'image/png'
      : null;
  return mediaType === null ? null : { type: 'preview', id: of, mediaType, bytes };
}
