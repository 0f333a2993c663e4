// What frontends (bots) and the control plane say to each other: which jobs a bot still has to bring to somebody, what
// its buttons mean, and what people and chats chose.
import { z } from 'zod';
import { jobView } from './views.ts';

const time = z.iso.datetime();

/** A small JSON document of somebody else's making. */
const document = (bytesMax: number) =>
  z
    .record(z.string().max(100), z.unknown())
    .refine((value) => JSON.stringify(value).length <= bytesMax, `has more than ${bytesMax} bytes`);

export const NOTE_BYTES_MAX = 4_000;
export const note = document(NOTE_BYTES_MAX);

export const DELIVERY_STATES = ['open', 'delivered', 'dead'] as const;

export const deliveryView = z.object({
  object: z.literal('delivery'),
  /** The job as it is now, and how it ended if it has. */
  job: jobView,
  /** Whom the frontend spoke for: `telegram:42`. */
  person: z.string(),
  bot: z.string(),
  chat: z.string(),
  note,
  state: z.enum(DELIVERY_STATES),
  reason: z.string().nullable(),
  created_at: time,
});
export type DeliveryView = z.infer<typeof deliveryView>;

export const deliveryListView = z.object({
  object: z.literal('list'),
  data: z.array(deliveryView),
  next_cursor: z.string().nullable(),
});
export type DeliveryListView = z.infer<typeof deliveryListView>;

/** What a frontend tells of a delivery; what is left out stays as it is. */
export const deliveryChange = z
  .strictObject({
    note: note.optional(),
    state: z.enum(['delivered', 'dead']).optional(),
    reason: z.string().min(1).max(500).optional().describe('Of a dead one: why, for the operator'),
  })
  .refine(({ state, reason }) => (state === 'dead') === (reason !== undefined), {
    message: 'goes with the state dead, and only with that',
    path: ['reason'],
  });
export type DeliveryChange = z.infer<typeof deliveryChange>;

/** What a button does, in the bot's own words. */
export const meaning = document(2_000);
export const newActions = z.strictObject({ meanings: z.array(meaning).min(1).max(25) });
export const actionIdsView = z.object({
  object: z.literal('list'),
  /** In the order of the meanings. The same meaning of the same person is the same id. */
  data: z.array(z.object({ object: z.literal('action'), id: z.string() })),
});
export const actionView = z.object({
  object: z.literal('action'),
  id: z.string(),
  meaning,
  /** Whether it was made for the person who is named in this request. */
  mine: z.boolean(),
});
export type ActionView = z.infer<typeof actionView>;

export const preferencesView = z.object({
  object: z.literal('preferences'),
  name: z.string(),
  value: document(NOTE_BYTES_MAX),
});
export type PreferencesView = z.infer<typeof preferencesView>;
export const preferencesChange = z.strictObject({ value: document(NOTE_BYTES_MAX) });

/** Where a frontend's job came from, as its `origin` says it: `telegram-image-1/-100123/77`. */
export interface Origin {
  readonly bot: string;
  readonly chat: string;
  /** What was answered to: a message's id, and more where the platform needs it. */
  readonly message: string;
}

const ORIGIN = /^([a-z][a-z0-9-]{0,39})\/([\w:-]{1,64})\/(.{0,90})$/;

export const writeOrigin = ({ bot, chat, message }: Origin): string => `${bot}/${chat}/${message}`;

/** Null when it was written by somebody else. */
export function readOrigin(text: string | null): Origin | null {
  const match = ORIGIN.exec(text ?? '');
  return match && { bot: match[1]!, chat: match[2]!, message: match[3]! };
}
