// What a key may be confined to. A key without scopes may do all that its kind may.
import type { Access } from './access.ts';

/** `access:write` is who gets in: one's own keys. */
export const SCOPES = [
  'jobs:read',
  'jobs:write',
  'account:read',
  'account:write',
  'access:write',
] as const;
export type Scope = (typeof SCOPES)[number];

/** Who gets in: a key that may spend is not for that. */
const OF_ACCESS = /^\/v1\/account\/(links|identities)(\/|$)/;

/** Everything that a request for media, or its result, may need. */
const OF_JOBS =
  /^\/v1\/(jobs|blobs|stream|deliveries|actions|chat|completions|images|audio|videos|prompts)(\/|$)/;

/**
 * Which scope a call needs; null: none. What is not about jobs is the account's, so a new route is never
 * open to a key that was made for jobs only.
 */
export function scopeOf(access: Access, method: string, url: string): Scope | null {
  if (access === 'owner') return 'access:write';
  if (access !== 'person' && access !== 'frontend' && access !== 'subscriber') return null;
  if (OF_ACCESS.test(url) && method !== 'GET' && method !== 'HEAD') return 'access:write';
  const verb = method === 'GET' || method === 'HEAD' ? 'read' : 'write';
  return `${OF_JOBS.test(url) ? 'jobs' : 'account'}:${verb}`;
}

/** Of scopes as they are stored: null, or names with spaces between them. */
export const scopesOf = (text: string | null): readonly Scope[] | null =>
  text === null ? null : SCOPES.filter((scope) => text.split(' ').includes(scope));
