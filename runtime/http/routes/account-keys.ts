// One's own keys: made, listed, replaced and revoked. No key makes a stronger one than itself.
import { z } from 'zod';
import {
  insertApiKey,
  listApiKeys,
  replaceApiKey,
  revokeApiKey,
  type ApiKeyRow,
} from '../../../db/queries/api-keys.ts';
import { accountKeyListView, newKeyView } from '../../../machines/contract/views.ts';
import type { Host } from '../../host.ts';
import { makeKey } from '../../keys.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import type { Principal } from '../principals.ts';
import { refuse } from '../problems.ts';
import type { Revocations } from '../revocations.ts';
import { SCOPES, scopesOf } from '../scopes.ts';

const DAY_S = 86_400;
const KEYS_MAX = 50;
const isoOrNull = (at: number | null) => (at === null ? null : new Date(at).toISOString());

const keyRequest = z.strictObject({
  name: z.string().trim().min(1).max(80),
  scopes: z
    .array(z.enum(SCOPES))
    .min(1)
    .optional()
    .describe('What it may do. Left out: all that the caller may'),
  requests_per_minute: z.int().min(1).max(100_000).optional(),
  expires_in_s: z
    .int()
    .min(60)
    .max(3650 * DAY_S)
    .optional(),
});
type KeyRequest = z.infer<typeof keyRequest>;
const params = z.strictObject({ id: z.string().regex(/^key_\w{1,60}$/) });

const viewOf = (key: ApiKeyRow) => ({
  ...{ object: 'key' as const, id: key.id, name: key.name },
  scopes: scopesOf(key.scopes)?.slice() ?? null,
  requests_per_minute: key.requestsPerMinute,
  created_at: new Date(key.createdAt).toISOString(),
  last_used_at: isoOrNull(key.lastUsedAt),
  expires_at: isoOrNull(key.expiresAt),
  revoked_at: isoOrNull(key.revokedAt),
  replaced_by: key.replacedBy,
});

export function accountKeyRoutes(app: App, host: Host, revocations: Revocations): void {
  const { pool } = host;
  const config = { access: 'owner' } as const;
  const tags = ['account'];
  const ownKeys = async (accountId: string) =>
    (await listApiKeys(pool, accountId)).filter(({ kind }) => kind === 'user');
  const noSuchKey = () => refuse('not_found', 'There is no such key, or it ended before.');

  app.route({
    method: 'GET',
    url: '/v1/account/keys',
    config,
    schema: { tags, summary: "One's own keys", response: { 200: accountKeyListView } },
    async handler(request) {
      const keys = await ownKeys(callerOf(request).accountId);
      return { object: 'list' as const, data: keys.map(viewOf) };
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/account/keys',
    config,
    schema: {
      tags,
      summary: 'Make a key',
      description: 'The key is told this once. It is never stronger than the key that asks for it.',
      body: keyRequest,
      response: { 201: newKeyView },
    },
    async handler(request, reply) {
      const caller = callerOf(request);
      const wanted = noStronger(caller, request.body, host.clock.now());
      const known = await ownKeys(caller.accountId);
      if (known.filter(({ revokedAt }) => revokedAt === null).length >= KEYS_MAX)
        throw refuse('forbidden', `There are ${KEYS_MAX} keys. Revoke one that is not needed.`);
      const { id, key, hash } = makeKey('user');
      const { accountId } = caller;
      await insertApiKey(pool, { accountId, id, hash, kind: 'user', ...wanted });
      const made = (await ownKeys(accountId)).find((each) => each.id === id);
      if (!made) throw noSuchKey();
      reply.code(201);
      return { ...viewOf(made), key };
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/account/keys/:id/rotate',
    config,
    schema: {
      tags,
      summary: 'Make a key in the place of another',
      description:
        'The new one holds now, with the same rights; the old one until the overlap ends.',
      params,
      body: z.strictObject({
        overlap_s: z
          .int()
          .min(0)
          .max(7 * DAY_S)
          .default(DAY_S),
      }),
      response: { 201: newKeyView },
    },
    async handler(request, reply) {
      const caller = callerOf(request);
      const { id } = request.params;
      const { accountId } = caller;
      const old = (await ownKeys(accountId)).find((each) => each.id === id);
      if (!old) throw noSuchKey();
      refuseIfStronger(caller, {
        ...{ scopes: scopesOf(old.scopes), requestsPerMinute: old.requestsPerMinute },
        expiresAt: old.expiresAt,
      });
      const { id: newId, key, hash: newHash } = makeKey('user');
      const overlapMs = request.body.overlap_s * 1000;
      const replacement = { accountId, id, newId, newHash, overlapMs, by: caller.id };
      const made = await replaceApiKey(pool, replacement);
      if (!made) throw noSuchKey();
      await revocations.runOnce();
      reply.code(201);
      return { ...viewOf(made), key };
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/account/keys/:id',
    config,
    schema: {
      tags,
      summary: 'Revoke a key',
      description: 'Whoever uses it is out within five seconds, from open sockets, too.',
      params,
      response: { 204: z.undefined() },
    },
    async handler(request, reply) {
      const { accountId, id: by } = callerOf(request);
      if (!(await revokeApiKey(pool, { id: request.params.id, by, accountId }))) throw noSuchKey();
      await revocations.runOnce();
      reply.code(204);
    },
  });
}

/** What is asked for, filled up with what the caller is confined to. */
function noStronger(caller: Principal, request: KeyRequest, now: number) {
  const lifetimeMs = request.expires_in_s === undefined ? null : request.expires_in_s * 1000;
  const ownEnd = caller.expiresAt ?? null;
  const expiresAt = lifetimeMs === null ? ownEnd : now + lifetimeMs;
  const wanted = {
    scopes: request.scopes ?? caller.scopes ?? null,
    requestsPerMinute: request.requests_per_minute ?? caller.requestsPerMinute ?? null,
    expiresAt,
  };
  refuseIfStronger(caller, wanted);
  return {
    name: request.name,
    scopes: wanted.scopes?.join(' ') ?? null,
    requestsPerMinute: wanted.requestsPerMinute,
    ...(expiresAt === null ? {} : { ttlMs: expiresAt - now }),
  };
}

type Strength = Pick<Principal, 'scopes' | 'requestsPerMinute' | 'expiresAt'>;

function refuseIfStronger(caller: Strength, wanted: Strength): void {
  const has = caller.scopes ?? SCOPES;
  const asks = wanted.scopes ?? SCOPES;
  const tooMuch = asks.filter((scope) => !has.includes(scope));
  if (tooMuch.length > 0)
    throw refuse('forbidden', `This key cannot give what it lacks: ${tooMuch.join(', ')}.`);
  if ((wanted.requestsPerMinute ?? Infinity) > (caller.requestsPerMinute ?? Infinity))
    throw refuse('forbidden', 'This key cannot give a higher limit than its own.');
  if ((wanted.expiresAt ?? Infinity) > (caller.expiresAt ?? Infinity))
    throw refuse('forbidden', 'This key cannot make one that outlives it.');
}
