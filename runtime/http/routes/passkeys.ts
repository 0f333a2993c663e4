// Passkeys: added by whoever is signed in, then a way to sign in. Never a way to a new account: with them everybody
// could have as many as they like.
import { z } from 'zod';
import { accountInUse } from '../../../db/queries/joined-accounts.ts';
import {
  deletePasskey,
  findPasskey,
  insertPasskey,
  listPasskeys,
  notePasskeyUse,
} from '../../../db/queries/passkeys.ts';
import { listIdentities } from '../../../db/queries/identities.ts';
import { SYSTEM_ACCOUNT } from '../../../machines/contract/ids.ts';
import {
  passkeyBegunView,
  passkeyListView,
  passkeyView,
} from '../../../machines/contract/identity-views.ts';
import { accountView as accountShape } from '../../../machines/contract/views.ts';
import { readAccount } from '../../account.ts';
import type { Host } from '../../host.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { beginAttempt, endAttempt } from '../attempts.ts';
import { refuseCrossSite } from '../origin-check.ts';
import { refuse } from '../problems.ts';
import type { Sessions } from '../sessions.ts';
import { told } from './sign-in.ts';

const PASSKEYS_MAX = 20;
const proof = { attempt: z.string().max(100), response: z.looseObject({ id: z.string() }) };

export function passkeyRoutes(app: App, host: Host, sessions: Sessions): void {
  const { pool } = host;
  const owner = { access: 'owner' } as const;
  const anybody = { access: 'public' } as const;

  const passkeys = () => {
    const { passkeys: found } = host.signIn;
    if (!found) throw refuse('not_found', 'There are no passkeys on this Tessera.');
    return found;
  };

  app.route({
    method: 'POST',
    url: '/v1/session/passkey/options',
    config: anybody,
    schema: {
      ...{ tags: ['session'], summary: 'Begin to sign in with a passkey', security: [] },
      response: { 201: passkeyBegunView },
    },
    async handler(request, reply) {
      refuseCrossSite(request.method, request.headers);
      const { challenge, options } = await passkeys().requestOptions();
      const { state } = await beginAttempt(host, reply, {
        ...{ accountId: SYSTEM_ACCOUNT, provider: 'passkey', returnTo: '/', nonce: challenge },
      });
      reply.code(201);
      return { object: 'passkey_options' as const, attempt: state, options };
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/session/passkey',
    config: anybody,
    schema: {
      ...{ tags: ['session'], summary: 'Sign in with a passkey', security: [] },
      body: z.strictObject(proof),
      response: { 201: accountShape },
    },
    async handler(request, reply) {
      refuseCrossSite(request.method, request.headers);
      const port = passkeys();
      const { attempt: state, response } = request.body;
      const attempt = await endAttempt(host, request, reply, { state, provider: 'passkey' });
      const id = port.idOf(response);
      const known = id === null ? null : await findPasskey(pool, id);
      if (!known || attempt.accountId !== SYSTEM_ACCOUNT)
        throw refuse('sign_in_failed', 'This passkey is not known here.');
      const publicKey = Buffer.from(known.publicKey, 'hex');
      const counter = await port
        .verifyUse(response, attempt.nonce, { ...known, publicKey })
        .catch((error: unknown) => {
          throw told(request, error);
        });
      if (!(await notePasskeyUse(pool, { id: known.id, counter })))
        throw refuse('sign_in_failed', 'This passkey was used elsewhere meanwhile.');
      const accountId = await accountInUse(pool, known.accountId);
      await sessions.open(request, reply, accountId, `passkey:${known.id}`);
      reply.code(201);
      return readAccount(host, accountId);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/account/passkeys',
    config: owner,
    schema: { tags: ['account'], summary: "One's passkeys", response: { 200: passkeyListView } },
    async handler(request) {
      const rows = await listPasskeys(pool, callerOf(request).accountId);
      return { object: 'list' as const, data: rows.map(viewOf) };
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/account/passkeys/options',
    config: owner,
    schema: {
      ...{ tags: ['account'], summary: 'Begin to add a passkey' },
      response: { 201: passkeyBegunView },
    },
    async handler(request, reply) {
      const { accountId } = callerOf(request);
      const [known, identities] = await Promise.all([
        listPasskeys(pool, accountId),
        listIdentities(pool, accountId),
      ]);
      if (known.length >= PASSKEYS_MAX)
        throw refuse('forbidden', `There are ${PASSKEYS_MAX} passkeys. Remove one first.`);
      const name = identities.find(({ name: shown }) => shown !== null)?.name ?? 'Tessera';
      const { challenge, options } = await passkeys().creationOptions({ accountId, name, known });
      const { state } = await beginAttempt(host, reply, {
        ...{ accountId, provider: 'passkey', returnTo: '/', nonce: challenge },
      });
      reply.code(201);
      return { object: 'passkey_options' as const, attempt: state, options };
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/account/passkeys',
    config: owner,
    schema: {
      ...{ tags: ['account'], summary: 'Add a passkey' },
      body: z.strictObject({ ...proof, name: z.string().trim().min(1).max(80) }),
      response: { 201: passkeyView },
    },
    async handler(request, reply) {
      const { accountId, id: by } = callerOf(request);
      const { attempt: state, response, name } = request.body;
      const attempt = await endAttempt(host, request, reply, { state, provider: 'passkey' });
      if (attempt.accountId !== accountId)
        throw refuse('sign_in_failed', 'You are signed in as somebody else by now. Begin anew.');
      const made = await passkeys()
        .verifyCreation(response, attempt.nonce)
        .catch((error: unknown) => {
          throw told(request, error);
        });
      const transports = [...made.transports];
      if (!(await insertPasskey(pool, { ...made, transports, accountId, name, by })))
        throw refuse('sign_in_failed', 'This passkey is known already.');
      reply.code(201);
      return viewOf((await findPasskey(pool, made.id))!);
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/account/passkeys/:id',
    config: owner,
    schema: {
      ...{ tags: ['account'], summary: 'Remove a passkey' },
      params: z.strictObject({ id: z.string().regex(/^[\w-]{1,300}$/) }),
      response: { 204: z.undefined() },
    },
    async handler(request, reply) {
      const { accountId, id: by } = callerOf(request);
      const { id } = request.params;
      if (!(await listPasskeys(pool, accountId)).some((each) => each.id === id))
        throw refuse('not_found', 'There is no such passkey.');
      if ((await listIdentities(pool, accountId)).length === 1)
        throw refuse('last_way_in', 'This is the only way into the account. Link another first.');
      await deletePasskey(pool, { accountId, id, by });
      reply.code(204);
    },
  });
}

type Row = Awaited<ReturnType<typeof listPasskeys>>[number];

const viewOf = ({ id, name, createdAt, lastUsedAt }: Row) => ({
  ...{ object: 'passkey' as const, id, name },
  created_at: new Date(createdAt).toISOString(),
  last_used_at: lastUsedAt === null ? null : new Date(lastUsedAt).toISOString(),
});
