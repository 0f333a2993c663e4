// Who may be looking: each place and each plan has an audience, and what is made for somebody keeps to the stricter.
import { z } from 'zod';
import type { Plan } from '../contract/events.ts';

/** From the most careful on. */
export const AUDIENCES = ['family', 'general', 'adult'] as const;
export type Audience = (typeof AUDIENCES)[number];

/** Of whom nobody has said anything. */
export const USUAL: Audience = 'general';

export const audience = z.enum(AUDIENCES, `must be one of ${AUDIENCES.join(', ')}`);

/** A chat or a server of a platform, and what is within it: `discord:guild:1`, `discord:guild:1/channel:2`. */
export const PLACE = /^(telegram|discord):[a-z]+:-?\d{1,20}(\/[a-z]+:-?\d{1,20}){0,2}$/;

export const levels = z.strictObject({
  plans: z.strictObject({ free: audience, starter: audience, pro: audience }).partial().default({}),
  places: z
    .record(z.string().regex(PLACE, 'must be a place such as discord:guild:1/channel:2'), audience)
    .default({}),
  /** Of chats that nobody has said anything about. */
  elsewhere: audience.default(USUAL),
});
export type Levels = z.infer<typeof levels>;

export const stricter = (a: Audience, b: Audience): Audience =>
  AUDIENCES.indexOf(a) < AUDIENCES.indexOf(b) ? a : b;

/** From the place itself outwards. Empty where the origin is none: a website, a program. */
export function placesOf(origin: string | null): readonly string[] {
  if (origin === null || !PLACE.test(origin)) return [];
  const parts = origin.split('/');
  return parts.map((_, n) => parts.slice(0, parts.length - n).join('/'));
}

/**
 * @param origin where it was asked, as a frontend said it; null where nobody is there to be believed
 * @param told what was said of places beside the file, and goes before it
 */
export function audienceFor(
  { plans, places, elsewhere }: Levels,
  { plan, origin }: { readonly plan: Plan; readonly origin: string | null },
  told: ReadonlyMap<string, Audience> = new Map(),
): Audience {
  const ofPlan = plans[plan] ?? USUAL;
  const path = placesOf(origin);
  if (path.length === 0) return ofPlan;
  const said = path.map((place) => told.get(place) ?? places[place]).find(Boolean);
  return stricter(ofPlan, said ?? elsewhere);
}
