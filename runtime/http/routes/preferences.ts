// What people and chats chose, as small JSON documents by name. Whoever writes one says what is in it.
import { z } from 'zod';
import {
  countPreferences,
  findPreferences,
  writePreferences,
} from '../../../db/queries/preferences.ts';
import { preferencesChange, preferencesView } from '../../../machines/contract/frontend-views.ts';
import { SYSTEM_ACCOUNT } from '../../../machines/contract/ids.ts';
import type { Host } from '../../host.ts';
import { platformOf } from '../../keys.ts';
import { callerOf } from '../access.ts';
import type { App } from '../app.ts';
import { refuse } from '../problems.ts';

const DOCUMENTS_MAX = 40;
const name = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/);
const chat = z.string().regex(/^[\w:-]{1,64}$/);

export function preferenceRoutes(app: App, host: Host): void {
  const { pool } = host;
  const read = async (accountId: string, key: string, called: string) => ({
    object: 'preferences' as const,
    name: called,
    value: JSON.parse((await findPreferences(pool, accountId, key)) ?? '{}') as Record<
      string,
      unknown
    >,
  });

  const mine = { config: { access: 'person' }, url: '/v1/account/preferences/:name' } as const;
  const params = z.strictObject({ name });
  const response = { 200: preferencesView };
  app.route({
    ...{ method: 'GET', ...mine },
    schema: {
      tags: ['account'],
      summary: 'What I chose under this name; {} where that is nothing',
      ...{ params, response },
    },
    handler: (request) =>
      read(callerOf(request).accountId, request.params.name, request.params.name),
  });
  app.route({
    ...{ method: 'PUT', ...mine },
    schema: {
      tags: ['account'],
      summary: 'Choose anew',
      ...{ params, response, body: preferencesChange },
    },
    async handler(request) {
      const { accountId } = callerOf(request);
      const { name: called } = request.params;
      const isNew = (await findPreferences(pool, accountId, called)) === null;
      if (isNew && (await countPreferences(pool, accountId)) >= DOCUMENTS_MAX)
        throw refuse('invalid_request', `An account has ${DOCUMENTS_MAX} names at most.`);
      await writePreferences(pool, accountId, called, JSON.stringify(request.body.value));
      return read(accountId, called, called);
    },
  });

  const ofChat = {
    config: { access: 'frontend' },
    url: '/v1/chats/:chat/preferences/:name',
  } as const;
  const chatParams = z.strictObject({ chat, name });
  /** Chats of two platforms may have the same number. */
  const keyOf = (keyId: string, params: z.infer<typeof chatParams>): string =>
    `${platformOf(keyId)}:${params.chat}/${params.name}`;
  app.route({
    ...{ method: 'GET', ...ofChat },
    schema: {
      tags: ['frontends'],
      summary: 'What was chosen for a chat of this platform',
      ...{ params: chatParams, response },
    },
    handler: ({ params, ...request }) =>
      read(SYSTEM_ACCOUNT, keyOf(request.principal!.id, params), params.name),
  });
  app.route({
    ...{ method: 'PUT', ...ofChat },
    schema: {
      tags: ['frontends'],
      summary: 'Choose anew for a chat; the frontend answers for who may',
      ...{ params: chatParams, response, body: preferencesChange },
    },
    async handler(request) {
      const key = keyOf(callerOf(request).id, request.params);
      await writePreferences(pool, SYSTEM_ACCOUNT, key, JSON.stringify(request.body.value));
      return read(SYSTEM_ACCOUNT, key, request.params.name);
    },
  });
}
